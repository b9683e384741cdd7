package peer

import (
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// logName is the file in a peer's directory that everything it says goes into.
const logName = "log"

// driver is how a product is run.
type driver struct {
	// binary is its program, deb the package of Debian, needs files that must be there besides.
	binary, deb string
	needs       []string
	// version is the flag that makes it say its version.
	version string
	// leaves is a pattern of files outside of its directory that remain when it is killed; nil means none.
	leaves func(dir string) string
	// patience is how long it may take to end when it is asked to; zero means stopTime.
	patience time.Duration
	// samePort says that listeners of one port cannot be given different ones.
	samePort bool
	// place puts addresses where they really are.
	place func(text string, listen map[netip.AddrPort]netip.AddrPort, where func(netip.AddrPort) netip.AddrPort) string
	// times finds time-outs that are about silence: what stands before, the number, the unit. unit is the one meant when there
	// is none, finest the smallest that the product understands.
	times        *regexp.Regexp
	unit, finest string
	// settle makes a process in the foreground with its own directory of it.
	settle func(text, dir string) string
	args   func(dir, main string) []string
	env    func(dir string) []string
}

var drivers = map[string]*driver{
	"nginx":        nginx(nil),
	"nginx-stream": nginx([]string{"/usr/lib/nginx/modules/ngx_stream_module.so"}),
	"haproxy":      haproxy(),
	"squid":        squid(),
	"apache":       apache(),
	"caddy":        caddy(),
}

// remains is the pattern of what a product in the directory may leave elsewhere; empty for nothing.
func (d *driver) remains(dir string) string {
	if d.leaves == nil {
		return ""
	}
	return d.leaves(dir)
}

func noEnv(string) []string { return nil }

// drop takes lines out that say what Start decides.
func drop(text string, lines *regexp.Regexp) string { return lines.ReplaceAllString(text, "") }

var (
	nginxCache = regexp.MustCompile(`(?m)^(\s*proxy_cache_path\s+)[^\s;]+`)
	nginxHTTP  = regexp.MustCompile(`(?m)^\s*http\s*\{`)
)

func nginx(needs []string) *driver {
	deb := "nginx"
	if needs != nil {
		deb = "nginx libnginx-mod-stream"
	}
	return &driver{
		binary: "nginx", deb: deb, needs: needs, version: "-v",
		place: placeAddresses,
		times: regexp.MustCompile(`(?m)((?:^|[;{])[ \t]*(?:proxy_read_timeout|proxy_send_timeout|send_timeout|proxy_timeout)\s+)(\d+)(ms|s|m|h|d)?`),
		unit:  "s", finest: "ms",
		settle: func(text, dir string) string {
			text = settleNginx(text)
			text = nginxCache.ReplaceAllString(text, "${1}"+filepath.Join(dir, "cache"))
			var temp strings.Builder
			for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				temp.WriteString(kind + "_temp_path " + filepath.Join(dir, kind) + ";\n")
			}
			text = nginxHTTP.ReplaceAllString(text, "$0\naccess_log off;\n"+temp.String())
			return "daemon off;\npid " + filepath.Join(dir, "pid") + ";\nerror_log " + filepath.Join(dir, logName) + " warn;\n" + text
		},
		args: func(dir, main string) []string { return []string{"-c", main, "-e", filepath.Join(dir, logName)} },
		env:  noEnv,
	}
}

var haproxyGlobal = regexp.MustCompile(`(?m)^[ \t]*global\b.*$`)

func haproxy() *driver {
	return &driver{
		binary: "haproxy", deb: "haproxy", version: "-v",
		place: placeAddresses,
		times: regexp.MustCompile(`(?m)^(\s*timeout\s+(?:client|server|tunnel|client-fin|server-fin)\s+)(\d+)(us|ms|s|m|h|d)?`),
		unit:  "ms", finest: "ms",
		settle: func(text, _ string) string {
			text = settleHAProxy(text) + "\n" // it refuses a last line without an end
			// The limit of open files is this machine's; it is no reason not to start.
			if haproxyGlobal.MatchString(text) {
				return haproxyGlobal.ReplaceAllString(text, "$0\n  no strict-limits")
			}
			return "global\n  no strict-limits\n" + text
		},
		args: func(_, main string) []string { return []string{"-db", "-f", main} },
		env:  noEnv,
	}
}

// squidName keeps several apart in shared memory; it may hold letters and digits only.
func squidName(dir string) string { return "l" + notDigits.ReplaceAllString(filepath.Base(dir), "") }

var notDigits = regexp.MustCompile(`\D`)

func squid() *driver {
	return &driver{
		binary: "squid", deb: "squid-openssl", version: "-v",
		patience: 50 * time.Millisecond, // it takes two seconds in any case
		place:    placeSquid,
		times:    regexp.MustCompile(`(?m)^(\s*(?:read_timeout|write_timeout|client_lifetime)\s+)(\d+)(?:\s+(milliseconds?|seconds?|minutes?|hours?|days?))?`),
		unit:     "seconds", finest: "seconds",
		settle: func(text, dir string) string {
			return drop(text, squidOwn) + "\n" + strings.Join([]string{
				"pid_filename " + filepath.Join(dir, "pid"),
				"cache_log /dev/null", // -d says the same on standard error
				"access_log none",
				"coredump_dir " + dir,
				"netdb_filename none",
				"pinger_enable off",
				"shutdown_lifetime 0 seconds",
				"max_filedescriptors 4096",
			}, "\n") + "\n"
		},
		args: func(dir, main string) []string {
			return []string{"-N", "-d", "1", "-n", squidName(dir), "-f", main}
		},
		env:    noEnv,
		leaves: func(dir string) string { return "/dev/shm/" + squidName(dir) + "-*" },
	}
}

func apache() *driver {
	return &driver{
		binary: "apache2", deb: "apache2", version: "-v",
		place: placeAddresses,
		times: regexp.MustCompile(`(?mi)^(\s*(?:Timeout|ProxyTimeout)\s+|\s*(?:ProxyPass|ProxyPassMatch|BalancerMember|ProxySet)\s[^\n#]*?\btimeout=)(\d+)(ms|s|mi|h)?`),
		unit:  "s", finest: "s",
		settle: func(text, dir string) string {
			var own []string
			if !apacheRoot.MatchString(text) && runtime.GOOS == "linux" {
				own = append(own, "ServerRoot /etc/apache2") // as Debian's package has it, for what is included
			}
			own = append(own,
				"PidFile "+filepath.Join(dir, "pid"),
				"DefaultRuntimeDir "+dir,
				"Mutex file:"+dir+" default",
				"ErrorLog "+filepath.Join(dir, logName),
			)
			if os.Geteuid() == 0 {
				own = append(own, "User www-data", "Group www-data") // it refuses to serve as root
			}
			return strings.Join(own, "\n") + "\n" + drop(text, apacheOwn)
		},
		args: func(dir, main string) []string {
			return []string{"-d", dir, "-f", main, "-DFOREGROUND", "-E", filepath.Join(dir, logName)}
		},
		// What Debian's envvars sets, and its files name.
		env: func(dir string) []string {
			return []string{"APACHE_RUN_DIR=" + dir, "APACHE_LOCK_DIR=" + dir, "APACHE_LOG_DIR=" + dir, "APACHE_RUN_USER=www-data", "APACHE_RUN_GROUP=www-data"}
		},
	}
}

var (
	caddyOwn     = regexp.MustCompile(`(?m)^[ \t]*admin[ \t][^{\n]*$`)
	caddyAdmin   = regexp.MustCompile(`(?m)^\s*admin\s`)
	caddyOptions = regexp.MustCompile(`(?m)^\{[ \t]*$`)
)

func caddy() *driver {
	return &driver{
		binary: "caddy", deb: "caddy", version: "version", samePort: true,
		place: placeCaddy,
		times: regexp.MustCompile(`(?m)^(\s*(?:response_header_timeout|read_timeout|write_timeout|read_body|write|lb_try_duration|fail_duration)\s+)(\d+)(ms|s|m|h)`),
		unit:  "s", finest: "ms",
		settle: func(text, _ string) string {
			text = drop(text, caddyOwn)
			if caddyAdmin.MatchString(text) {
				return text
			}
			// Its own API has one port, which several would share.
			if options := caddyOptions.FindStringIndex(text); options != nil {
				return text[:options[1]] + "\n\tadmin off" + text[options[1]:]
			}
			return "{\n\tadmin off\n}\n" + text
		},
		args: func(_, main string) []string { return []string{"run", "--config", main, "--adapter", "caddyfile"} },
		env: func(dir string) []string {
			return []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}
		},
	}
}

// milliseconds of a unit, as any of the products writes it.
var milliseconds = map[string]float64{
	"us": 1e-3, "ms": 1, "millisecond": 1, "s": 1e3, "second": 1e3, "m": 6e4, "mi": 6e4, "minute": 6e4, "h": 3.6e6, "hour": 3.6e6, "d": 8.64e7, "day": 8.64e7,
}

func unitOf(word string) float64 {
	if ms, ok := milliseconds[word]; ok {
		return ms
	}
	return milliseconds[strings.TrimSuffix(word, "s")]
}

// hasten divides the time-outs, rounded to what the product understands, and never to nothing.
func (d *driver) hasten(text string, speed float64) string {
	return d.times.ReplaceAllStringFunc(text, func(s string) string {
		m := d.times.FindStringSubmatch(s)
		n, err := strconv.ParseFloat(m[2], 64)
		unit := m[3]
		if unit == "" {
			unit = d.unit
		}
		if err != nil || n == 0 || unitOf(unit) == 0 {
			return s
		}
		short := math.Max(1, math.Round(n*unitOf(unit)/speed/unitOf(d.finest)))
		out := m[1] + strconv.FormatFloat(short, 'f', 0, 64)
		if d.unit == "seconds" {
			return out + " " + d.finest
		}
		if d.finest == "s" { // Apache takes bare seconds everywhere
			return out
		}
		return out + d.finest
	})
}

// versionIn is the version in the first line of what a product says of itself.
func (d *driver) versionIn(line string) string {
	if m := regexp.MustCompile(`\d+\.\d+[\w.+-]*`).FindString(line); m != "" {
		return m
	}
	return strings.TrimSpace(line)
}
