package process

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
)

// command posts to the admin port as the controllers do. The answer is read into done, or if it is no 200 into refused.
func (d *Dispatcher) command(tb testing.TB, path string, body, done, refused any) (status int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.AdminURL+path, bytes.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.document.Keys.Report.Reveal())
	resp, err := d.admin.Do(req)
	if err != nil {
		tb.Fatalf("POST %s: %v", path, err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is in memory
	answer := done
	if resp.StatusCode != http.StatusOK {
		answer = refused
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		tb.Fatalf("the answer %d to POST %s: %v", resp.StatusCode, path, err)
	}
	return resp.StatusCode
}
