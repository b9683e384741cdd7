package peer

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// settleNginx takes out what Start decides, wherever it stands, and leads what is relative to the directory of the packages'
// configuration there.
func settleNginx(text string) string {
	var out strings.Builder
	depth, from := 0, 0 // from is the first byte that is not yet in out
	for _, d := range nginxDirectives(text) {
		switch d.end {
		case "{":
			depth++
			continue
		case "}":
			depth--
			continue
		}
		words := strings.Fields(text[d.start:d.stop])
		switch name := words[0]; {
		case depth == 0 && slices.Contains([]string{"daemon", "master_process", "pid", "user", "worker_rlimit_nofile", "lock_file"}, name),
			name == "error_log", name == "access_log", strings.HasSuffix(name, "_temp_path"):
			out.WriteString(text[from:d.start])
			from = d.stop + 1
		case name == "include" && len(words) == 2 && !filepath.IsAbs(strings.Trim(words[1], `"'`)):
			out.WriteString(text[from:d.start] + "include /etc/nginx/" + strings.Trim(words[1], `"'`))
			from = d.stop
		}
	}
	return out.String() + text[from:]
}

// nginxDirective is text[start:stop] and what stands behind it: a semicolon or a brace.
type nginxDirective struct {
	start, stop int
	end         string
}

// nginxDirectives are those of a text in their order, without comments in front of them; none is empty unless it ends with a brace.
func nginxDirectives(text string) []nginxDirective {
	var out []nginxDirective
	start := -1
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '#':
			if start >= 0 && !space(text[i-1]) {
				continue // within a word
			}
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case '\\':
			if start < 0 {
				start = i
			}
			i++
		case '"', '\'':
			if start < 0 {
				start = i
			}
			if !space(text[max(0, i-1)]) && i != start {
				continue // within a word it is nothing special
			}
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '}', ';':
			if c == '{' && i > 0 && text[i-1] == '$' {
				for i < len(text) && text[i] != '}' { // ${variable}
					i++
				}
				continue
			}
			if start >= 0 || c != ';' {
				out = append(out, nginxDirective{max(start, 0), i, string(c)})
			}
			start = -1
		default:
			if start < 0 && !space(c) {
				start = i
			}
		}
	}
	return out
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

var (
	haproxySection = regexp.MustCompile(`^(?:global|defaults|frontend|backend|listen|userlist|peers|resolvers|mailers|cache|program|http-errors|ring|fcgi-app|log-forward|crt-store)\b`)
	// What is of a whole process stands in global; log lines stand anywhere.
	haproxyOwn = regexp.MustCompile(`^(?:daemon|chroot|user|group|uid|gid|pidfile|log|stats[ \t]+(?:socket|timeout)|ssl-dh-param-file|master-worker)(?:[ \t]|$)`)
	haproxyLog = regexp.MustCompile(`^log[ \t]`)
)

// settleHAProxy takes out what Start decides. In a userlist, user and group are accounts, which stay.
func settleHAProxy(text string) string {
	var out []string
	section := ""
	for line := range strings.Lines(text) {
		words := strings.TrimSpace(line)
		if s := haproxySection.FindString(words); s != "" {
			section = s
		}
		if section == "global" && haproxyOwn.MatchString(words) || haproxyLog.MatchString(words) {
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "")
}

// wholeLines is an expression for lines that begin with one of the words, with the lines that a backslash joins to them.
func wholeLines(flags string, words ...string) *regexp.Regexp {
	return regexp.MustCompile(`(?m` + flags + `)^[ \t]*(?:` + strings.Join(words, "|") + `)[ \t](?:[^\n]*\\\r?\n)*[^\n]*$`)
}

var squidOwn = wholeLines("", "pid_filename", "cache_log", "access_log", "cache_access_log", "cache_store_log", "coredump_dir", "cache_dir",
	"netdb_filename", "pinger_enable", "shutdown_lifetime", "max_filedescriptors", "logfile_rotate", "logfile_daemon", "cache_effective_user",
	"cache_effective_group", "chroot", "workers", "error_directory", "icon_directory", "mime_table", "unlinkd_program", "sslcrtd_program")

var (
	apacheOwn = wholeLines("i", "PidFile", "Mutex", "ErrorLog", "CustomLog", "TransferLog", "ForensicLog", "User", "Group", "DefaultRuntimeDir",
		"ScoreBoardFile", "CoreDumpDirectory")
	apacheRoot = wholeLines("i", "ServerRoot")
)
