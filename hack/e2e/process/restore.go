package process

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/offlinepush/operator/dispatcher/report"
)

// Restore ends a quarantine by way of the admin port.
func (d *Dispatcher) Restore(tb testing.TB, restore report.Restore) (done report.Restored) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	body, err := json.Marshal(restore)
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.AdminURL+report.RestorePath, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.document.Keys.Report.Reveal())
	resp, err := d.admin.Do(req)
	if err != nil {
		tb.Fatalf("asking for a restore: %v", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is in memory
	if err := json.NewDecoder(resp.Body).Decode(&done); err != nil || resp.StatusCode != http.StatusOK {
		tb.Fatalf("the answer %d to a restore: %v", resp.StatusCode, err)
	}
	return done
}
