package ingress_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func page(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every code has its row in docs/errors.md, in order, and the schema of a problem lists the same.
func TestCodesArePublished(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, code := range wire.Codes() {
		want = append(want, string(code))
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| [0-9, ]+ \\| .+ \\| .+ \\|$").FindAllStringSubmatch(page(t, "errors.md"), -1) {
		got = append(got, row[1])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/errors.md (-codes +page):\n%s", diff)
	}
	field, _ := reflect.TypeFor[wire.Problem]().FieldByName("Code")
	if diff := cmp.Diff(want, strings.Split(field.Tag.Get("enum"), ",")); diff != "" {
		t.Errorf("the enum tag of wire.Problem (-codes +tag):\n%s", diff)
	}
}

// Every rate has its row in docs/limits.md, with its default.
func TestRatesArePublished(t *testing.T) {
	t.Parallel()
	text, defaults := page(t, "limits.md"), reflect.ValueOf(config.DefaultRates())
	rows := 0
	for f := range reflect.TypeFor[config.Rates]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if row := fmt.Sprintf("| `%s` | %v |", name, defaults.FieldByIndex(f.Index).Float()); !strings.Contains(text, row) {
			t.Errorf("docs/limits.md has no row %q", row)
		}
		rows++
	}
	if rows < 10 {
		t.Errorf("there are %d rates", rows)
	}
}

// The page of a plane lists every operation of its document, and asks nobody else for anything.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for name, s := range map[string]struct {
		doc  *described
		html string
	}{
		"device": {describe(t, bed.Device), string(get(t, bed.Device.Client(), bed.Device.URL+"/docs"))},
		"server": {describe(t, bed.Server), string(get(t, bed.Server.Client(), bed.Server.URL+"/docs"))},
	} {
		for path, operations := range s.doc.Paths {
			for method, op := range operations {
				if !strings.Contains(s.html, fmt.Sprintf(`<b>%s</b> <code>%s</code>`, strings.ToUpper(method), path)) ||
					op.Summary == "" {
					t.Errorf("the page of the %s plane lacks %s %s", name, method, path)
				}
			}
		}
		for schema := range s.doc.Components.Schemas {
			if !strings.Contains(s.html, `id="`+schema+`"`) {
				t.Errorf("the page of the %s plane lacks %s", name, schema)
			}
		}
		if regexp.MustCompile(`(src|href)="(https?:)?//|<script|@import|url\(`).MatchString(s.html) {
			t.Errorf("the page of the %s plane needs somebody else", name)
		}
	}
	got := send(t, bed.Server, request{method: "GET", path: "/docs"})
	if !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") || !strings.Contains(got.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%v", got.header)
	}
}
