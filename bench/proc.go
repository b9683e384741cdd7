package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat; Linux shows it as 1/100 s on every machine of today.
const tick = 10 * time.Millisecond

// stat is what /proc/PID/stat says of a process.
type stat struct {
	group int
	// used is its processor time and that of its children that have ended.
	used time.Duration
}

// parseStat reads /proc/PID/stat, proc(5). The name of the program may hold anything, and ends at the last parenthesis.
func parseStat(text string) (stat, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("%.60q is not the line of a process", text)
	}
	group, err := strconv.Atoi(fields[2])
	if err != nil {
		return stat{}, fmt.Errorf("the process group: %w", err)
	}
	s := stat{group: group}
	for _, field := range fields[11:15] { // user, system, and both of children
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("a time of the process: %w", err)
		}
		s.used += time.Duration(n) * tick
	}
	return s, nil
}

// parsePSS reads /proc/PID/smaps_rollup and returns bytes.
func parsePSS(text string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("%.60q has no line Pss", text)
}

// group are the directories in proc of the processes of a group. Those that end meanwhile are left out.
func group(proc fs.FS, id int) (dirs []string, used time.Duration, err error) {
	files, err := fs.Glob(proc, "[0-9]*/stat")
	if err != nil {
		return nil, 0, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(proc, file)
		if err != nil {
			continue
		}
		s, err := parseStat(string(text))
		if err != nil {
			return nil, 0, err
		}
		if s.group == id {
			dirs = append(dirs, filepath.Dir(file))
			used += s.used
		}
	}
	if len(dirs) == 0 {
		return nil, 0, fmt.Errorf("no process of group %d is left", id)
	}
	return dirs, used, nil
}

// cpuTime is the processor time that a process group has used.
func cpuTime(id int) (time.Duration, error) {
	_, used, err := group(os.DirFS("/proc"), id)
	return used, err
}

// memory is what a process group holds, in bytes: pages that several processes share count once.
func memory(id int) (int64, error) {
	proc := os.DirFS("/proc")
	dirs, _, err := group(proc, id)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, dir := range dirs {
		text, err := fs.ReadFile(proc, dir+"/smaps_rollup")
		if err != nil {
			return 0, err
		}
		pss, err := parsePSS(string(text))
		if err != nil {
			return 0, err
		}
		sum += pss
	}
	return sum, nil
}
