package provider

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitRepeats makes the kernel give up unacknowledged bytes after Linger
// instead of repeating them for minutes.
func limitRepeats(socket syscall.RawConn) error {
	var set error
	err := socket.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(Linger.Milliseconds()))
	})
	if err := errors.Join(err, set); err != nil {
		return fmt.Errorf("limiting the repetitions of a connection: %w", err)
	}
	return nil
}
