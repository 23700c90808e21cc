package ingress_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/receipt"
	"github.com/offlinepush/operator/dispatcher/wire"
)

var update = flag.Bool("update", false, "write the OpenAPI documents in docs/api")

func get(t *testing.T, c *http.Client, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return b
}

func TestOpenAPIDocuments(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for name, server := range map[string]struct {
		client *http.Client
		url    string
	}{
		"device": {bed.Device.Client(), bed.Device.URL},
		"server": {bed.Server.Client(), bed.Server.URL},
	} {
		got := get(t, server.client, server.url+"/openapi.yaml")
		golden := filepath.Join("..", "..", "docs", "api", name+".yaml")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("docs/api/%s.yaml differs, run this test with -update: %s", name, diff)
		}
		var doc struct {
			OpenAPI    string                          `json:"openapi"`
			Paths      map[string]map[string]operation `json:"paths"`
			Components struct {
				Schemas map[string]any `json:"schemas"`
			} `json:"components"`
		}
		if err := json.Unmarshal(get(t, server.client, server.url+"/openapi.json"), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.OpenAPI != "3.1.0" || doc.Components.Schemas["Problem"] == nil || doc.Components.Schemas["ErrorModel"] != nil {
			t.Errorf("%s: version %s, schemas %v", name, doc.OpenAPI, doc.Components.Schemas)
		}
		for path, operations := range doc.Paths {
			for method, op := range operations {
				if len(op.Security) == 0 && path != wire.SessionPath && path != receipt.Path {
					t.Errorf("%s %s needs no credential", method, path)
				}
			}
		}
	}
}

type operation struct {
	Security []any `json:"security"`
}

func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "api", "server.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range wire.Codes() {
		if !strings.Contains(string(b), "- "+string(code)+"\n") {
			t.Errorf("code %s is not in the OpenAPI document", code)
		}
	}
}

// The race detector looks on.
func TestDocumentIsMadeForManyAtOnce(t *testing.T) {
	t.Parallel()
	server := planetest.New(t).Server
	var wg sync.WaitGroup
	for range 4 {
		for _, path := range []string{"/openapi.json", "/openapi.yaml", "/openapi-3.0.json", "/openapi-3.0.yaml"} {
			wg.Go(func() {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
				resp, err := server.Client().Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = resp.Body.Close() }()
				b, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(b, []byte("/v1/messages")) {
					t.Errorf("%s: %s, %d bytes, %v", path, resp.Status, len(b), err)
				}
			})
		}
	}
	wg.Wait()
}
