package accept

import (
	"encoding/json"
	"net/url"
	"testing"
	"unicode/utf8"
)

// FuzzTexts: the texts of a push that vendors read by their form have that form.
func FuzzTexts(f *testing.F) {
	f.Add(`{"name":"Anna"}`)
	f.Add("https://example.com/a.png")
	f.Add("https:///a.png")
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return
		}
		if checkImage(text) == nil {
			if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Hostname() == "" || !utf8.ValidString(text) {
				t.Errorf("%q is an image", text)
			}
		}
		if checkParameters("field", text) == nil {
			var all map[string]string
			if err := json.Unmarshal([]byte(text), &all); err != nil || all == nil || len(text) > maxParameters {
				t.Errorf("%q are parameters: %v", text, err)
			}
		}
	})
}
