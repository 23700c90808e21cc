package ingress

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/strict"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Page says which part of a list is asked for. Every operation that lists
// embeds it in its input, and wire.More in the body of its answer.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many entries the page has at most. 50 without it."`
	Cursor string `query:"cursor" maxLength:"512" doc:"The nextCursor of the page before; without it the list begins."`
}

// after is the key of the last entry of the page before, or the zero key at
// the beginning of the list.
func after[K any](p Page) (K, error) {
	var key K
	if p.Cursor == "" {
		return key, nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(p.Cursor)
	if err == nil {
		err = strict.Unmarshal(text, &key)
	}
	if err != nil || bytes.Contains(text, []byte(`\u0000`)) { // which is no key, and which not every store takes
		var none K
		f := fail(http.StatusUnprocessableEntity, wire.CodeInvalidRequest, "fields of the request break their rules, see errors")
		f.Errors = []wire.FieldError{{Field: "query.cursor", Message: "is not a nextCursor of this list; leave it out to begin anew"}}
		return none, f
	}
	return key, nil
}

// paged cuts what was read of a list to the page. Read one entry more than
// the limit: it tells that there is a page behind this one. key is what the
// list is ordered by; it must encode as JSON.
func paged[T, K any](found []T, p Page, key func(T) K) ([]T, wire.More) {
	if len(found) <= p.Limit {
		return found, wire.More{}
	}
	found = found[:p.Limit]
	text, _ := json.Marshal(key(found[len(found)-1])) // A number or a text always encodes.
	return found, wire.More{NextCursor: base64.RawURLEncoding.EncodeToString(text)}
}
