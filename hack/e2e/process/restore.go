package process

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/offlinepush/operator/dispatcher/report"
)

// Restore ends a quarantine by way of the admin port.
func (d *Dispatcher) Restore(tb testing.TB, restore report.Restore) (done report.Restored) {
	tb.Helper()
	var refused json.RawMessage
	if status := d.command(tb, report.RestorePath, restore, &done, &refused); status != http.StatusOK {
		tb.Fatalf("the answer %d to a restore: %s", status, refused)
	}
	return done
}
