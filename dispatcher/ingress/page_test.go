package ingress

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// rows are a list as a store reads it: ordered, from behind a key, at most limit.
type rows []string

func (l rows) read(behind string, limit int) []string {
	i, _ := slices.BinarySearch(l, behind)
	if i < len(l) && l[i] == behind {
		i++
	}
	return slices.Clone(l[i:min(len(l), i+limit)])
}

func TestPagesHoldEveryEntryOnce(t *testing.T) {
	t.Parallel()
	list := rows{"", "a", "b with \"quotes\"", "c", "d", "é", "用户"}
	for limit := 1; limit <= len(list)+1; limit++ {
		var all []string
		var pages int
		for p := (Page{Limit: limit}); ; pages++ {
			key, err := after[*string](p)
			if err != nil {
				t.Fatal(err)
			}
			found := list[:min(len(list), limit+1)]
			if key != nil {
				found = list.read(*key, limit+1)
			}
			entries, more := paged(found, p, func(s string) string { return s })
			if len(entries) == 0 || len(entries) > limit {
				t.Fatalf("limit %d: a page of %d", limit, len(entries))
			}
			all = append(all, entries...)
			if p.Cursor = more.NextCursor; p.Cursor == "" {
				break
			}
		}
		if diff := cmp.Diff([]string(list), all); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
		if want := (len(list) - 1) / limit; pages != want {
			t.Errorf("limit %d: %d pages follow, want %d", limit, pages, want)
		}
	}
}

func TestPageWithoutEntriesIsTheLast(t *testing.T) {
	t.Parallel()
	entries, more := paged([]int64{}, Page{Limit: 50}, func(n int64) int64 { return n })
	if len(entries) != 0 || more != (wire.More{}) {
		t.Errorf("%v %v", entries, more)
	}
	if key, err := after[int64](Page{Limit: 50}); key != 0 || err != nil {
		t.Errorf("%d %v", key, err)
	}
}

func TestForgedCursors(t *testing.T) {
	t.Parallel()
	encode := base64.RawURLEncoding.EncodeToString
	for name, cursor := range map[string]string{
		"not base64":          "???",
		"not of base64url":    "+/+/",
		"no JSON":             encode([]byte("{\"a")),
		"of another list":     encode([]byte(`"a user"`)),
		"a number too large":  encode([]byte("1e40")),
		"with more behind it": encode([]byte("1 2")),
		"with bits set":       strings.TrimRight(encode([]byte("1")), "Q") + "R",
	} {
		_, err := after[int64](Page{Cursor: cursor})
		f, ok := err.(*failure) //nolint:errorlint // It must be the failure itself.
		if !ok || f.Status != 422 || f.Code != wire.CodeInvalidRequest || len(f.Errors) != 1 || f.Errors[0].Field != "query.cursor" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(f.Errors[0].Message, cursor) {
			t.Errorf("%s: the answer quotes what was given", name)
		}
	}
}
