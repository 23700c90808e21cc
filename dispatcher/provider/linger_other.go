//go:build !linux

package provider

import "syscall"

// limitRepeats is for Linux, where dispatchers run.
func limitRepeats(syscall.RawConn) error { return nil }
