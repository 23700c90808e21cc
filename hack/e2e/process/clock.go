package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// BuildSkewed compiles the dispatcher into dir with a wall clock that is wrong
// by off, as on a node that has lost its time server. No namespace of Linux
// moves the wall clock, so the toolchain overlays the one line that reads it, and
// compiles everything again, without the race detector.
func BuildSkewed(ctx context.Context, dir string, off time.Duration) (Binaries, error) {
	overlay, err := skewedClock(dir, off)
	if err != nil {
		return Binaries{}, fmt.Errorf("moving the clock: %w", err)
	}
	return build(ctx, dir, []string{"-overlay", overlay}, "dispatcher")
}

// skewedClock writes time.go with another Now, and the overlay that puts it in the place of Go's own.
func skewedClock(dir string, off time.Duration) (overlay string, err error) {
	const read = "sec, nsec, mono := runtimeNow()\n"
	original := filepath.Join(runtime.GOROOT(), "src", "time", "time.go") //nolint:staticcheck // the tests run where they are built
	text, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), read); n != 1 {
		return "", fmt.Errorf("%s reads the clock at %d places, 1 is known", original, n)
	}
	changed := strings.Replace(string(text), read, fmt.Sprintf("%s\tsec += %d\n", read, int64(off.Seconds())), 1)
	replaced := filepath.Join(dir, "time.go")
	overlay = filepath.Join(dir, "overlay.json")
	mapping, err := json.Marshal(map[string]map[string]string{"Replace": {original: replaced}})
	return overlay, errors.Join(err, os.WriteFile(replaced, []byte(changed), 0o600), os.WriteFile(overlay, mapping, 0o600))
}
