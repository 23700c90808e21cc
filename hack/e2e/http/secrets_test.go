package http_test

import (
	"crypto/rand"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// registration is the one answer that shows a device secret.
const registration = "device plane POST /v1/devices"

// shortest is the length from which a text cannot be in a log by chance.
const shortest = 12

// secret is a text that must not be seen but at the allowed places.
type secret struct {
	what, text string
	allowed    []string
}

// secrets are all that a test uses. They are safe for concurrent use.
type secrets struct {
	mu  sync.Mutex
	all []secret
}

func (s *secrets) add(what, text string, allowed ...string) {
	if len(text) < shortest {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, secret{what, text, allowed})
}

// addDocument adds every secret of a configuration, and the lines of those that are files.
func (s *secrets) addDocument(d *config.Document) {
	visit(reflect.ValueOf(d), func(v config.Secret) {
		s.add("a secret of the configuration", v.Reveal())
		for line := range strings.SplitSeq(strings.ReplaceAll(v.Reveal(), `\n`, "\n"), "\n") {
			if line != v.Reveal() && !strings.Contains(line, "PRIVATE KEY") {
				s.add("a line of a secret of the configuration", line)
			}
		}
	})
}

func visit(v reflect.Value, found func(config.Secret)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), found)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), found)
		}
	case reflect.Struct:
		if one, ok := reflect.TypeAssert[config.Secret](v); ok {
			found(one)
			return
		}
		for _, field := range v.Fields() {
			visit(field, found)
		}
	default: // scalars hold no secret
	}
}

// search looks for every secret in everything that was written and answered.
func (s *secrets) search(t *testing.T, kept *process.Transcript) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		for _, place := range kept.Places(one.text) {
			if !slices.Contains(one.allowed, place) {
				t.Errorf("%s is in the %s: %q", one.what, place, one.text[:shortest]+"…")
			}
		}
	}
}

// unique makes a text that is nowhere else.
func unique(prefix string) string { return prefix + " " + rand.Text() }
