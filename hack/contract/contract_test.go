// Package contract_test compares what the manager and the dispatchers say to each other with what was released, so that a manager
// works with dispatchers of one version back, and the other way round while it is upgraded.
package contract_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

var release = flag.Bool("release", false, "take the contract as it is as the released one: make contract-release")

const (
	vocabularyFile = "released/vocabulary.txt"
	cure           = "keep what was there beside the new, or, for what was never released, run: make contract-release"
)

// vocabulary lists every field of the contract with its type in JSON, and the words that it is made of.
func vocabulary() []string {
	lines := []string{
		"config version " + major(config.Version), "report version " + major(report.Version),
		"path " + report.Path, "path " + report.PushTestPath, "path " + report.RestorePath,
	}
	for name, t := range map[string]reflect.Type{
		"config": reflect.TypeFor[config.Document](), "report": reflect.TypeFor[report.Report](),
		"pushtest": reflect.TypeFor[report.PushTest](), "pushtest.state": reflect.TypeFor[report.PushTestState](),
		"pushtest.refusal": reflect.TypeFor[report.PushTestRefusal](),
		"restore":          reflect.TypeFor[report.Restore](), "restored": reflect.TypeFor[report.Restored](),
	} {
		lines = append(lines, fields(name, t)...)
	}
	for _, state := range report.ChannelStates() {
		lines = append(lines, "report channel state "+string(state))
	}
	slices.Sort(lines)
	return lines
}

func major(version string) string {
	m, _, _ := strings.Cut(version, ".")
	return m
}

// fields are those under a path.
func fields(path string, t reflect.Type) []string {
	switch {
	case t == reflect.TypeFor[config.Secret](), t == reflect.TypeFor[time.Time]():
		return []string{path + " string"}
	case t.Kind() == reflect.Pointer:
		return fields(path, t.Elem())
	case t.Kind() == reflect.Slice:
		return fields(path+"[]", t.Elem())
	case t.Kind() == reflect.Map:
		return fields(path+"{}", t.Elem())
	case t.Kind() != reflect.Struct:
		return []string{path + " " + t.Kind().String()}
	}
	var lines []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && f.Anonymous {
			lines = append(lines, fields(path, f.Type)...)
		} else if name != "-" {
			lines = append(lines, fields(path+"."+name, f.Type)...)
		}
	}
	return lines
}

// TestVocabularyOnlyGrows: every field that a released half reads or writes is still there, with its type, and so is every path
// and every state.
func TestVocabularyOnlyGrows(t *testing.T) {
	t.Parallel()
	now := vocabulary()
	if *release {
		write(t, vocabularyFile, []byte(strings.Join(now, "\n")+"\n"))
	}
	released, err := os.ReadFile(vocabularyFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(released)) {
		if line = strings.TrimSpace(line); !slices.Contains(now, line) {
			t.Errorf("%q was released and is gone or changed: %s", line, cure)
		}
	}
}

// cases are the documents that the manager renders in its own tests.
func cases(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob("../../controllers/render/testdata/*/golden.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rendered documents (%v)", err)
	}
	found := map[string]map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for object := range strings.SplitSeq(string(text), "\n---\n") {
			var secret struct {
				StringData map[string]string `json:"stringData"`
			}
			if err := yaml.Unmarshal([]byte(object), &secret); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if document := secret.StringData[config.FileName]; document != "" {
				found[filepath.Base(filepath.Dir(file))] = parsed(t, document)
			}
		}
	}
	return found
}

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	var document map[string]any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// TestReleasedDocuments: today's dispatcher reads what a released manager wrote, every field of it; and a released dispatcher
// finds in what today's manager writes all that it found before, and ignores the rest.
func TestReleasedDocuments(t *testing.T) {
	t.Parallel()
	now := cases(t)
	if *release {
		for name, document := range now {
			text, err := yaml.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join("released", name+".yaml"), text)
		}
	}
	files, err := filepath.Glob("released/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no released documents (%v)", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			released := parsed(t, string(text))
			encoded, err := json.Marshal(filled(released))
			if err != nil {
				t.Fatal(err)
			}
			if _, unknown, err := config.Parse(encoded); err != nil || unknown > 0 {
				t.Errorf("today's dispatcher reads it with %d unknown fields and error %v: %s", unknown, err, cure)
			}
			for _, gone := range lost("", released, now[name]) {
				t.Errorf("%s; dispatchers one version back need it: %s", gone, cure)
			}
		})
	}
}

// filled puts a key in the place of every secret that a golden file hides.
func filled(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, child := range v {
			out[name] = filled(child)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, child := range v {
			out = append(out, filled(child))
		}
		return out
	case string:
		if v == "<redacted>" {
			return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
		}
	}
	return value
}

// lost lists what a released document has and today's lacks or has otherwise.
func lost(path string, released, now any) []string {
	switch r := released.(type) {
	case map[string]any:
		n, _ := now.(map[string]any)
		var gone []string
		for name, child := range r {
			gone = append(gone, lost(path+"."+name, child, n[name])...)
		}
		return gone
	case []any:
		n, _ := now.([]any)
		if len(n) != len(r) {
			return []string{fmt.Sprintf("%s has %d elements, released %d", path, len(n), len(r))}
		}
		var gone []string
		for i, child := range r {
			gone = append(gone, lost(fmt.Sprintf("%s[%d]", path, i), child, n[i])...)
		}
		return gone
	}
	if path != ".version" && !reflect.DeepEqual(released, now) {
		return []string{fmt.Sprintf("%s is %v, released %v", path, now, released)}
	}
	return nil
}

// TestLost: what is lost is found.
func TestLost(t *testing.T) {
	t.Parallel()
	released := parsed(t, "{a: {b: 1, c: [x, y]}, d: [{e: f}]}")
	for text, want := range map[string]int{
		"{a: {b: 1, c: [x, y], new: 2}, d: [{e: f, new: g}], new: 3}": 0,
		"{a: {b: 2, c: [x, y]}, d: [{e: f}]}":                         1,
		"{a: {b: 1, c: [x]}, d: [{}]}":                                2,
		"{}":                                                          3,
	} {
		if got := lost("", released, parsed(t, text)); len(got) != want {
			t.Errorf("%s has lost %v, want %d", text, got, want)
		}
	}
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
