//go:build !linux

package main

import (
	"context"
	"errors"
	"os/exec"
)

// process is a program that is measured: there are none on this system.
type process struct{ ended chan struct{} }

func supported() error {
	return errors.New("processor time and memory of processes are read from /proc: run this on Linux")
}

func start(string, []string, []string, string) (*process, error) { return nil, supported() }
func begin(*exec.Cmd) (*process, error)                          { return nil, supported() }

func (p *process) group() int                          { return 0 }
func (p *process) ready(context.Context, string) error { return supported() }
func (p *process) stop()                               {}
func (p *process) kill()                               {}
