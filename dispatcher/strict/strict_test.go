package strict_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/strict"
)

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	names := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"name %d":{"x":1},`, i)
		}
		return b.String()
	}
	for _, good := range []string{
		`null`, `"x"`, `7`, `[]`, `{}`, ` {"a":{"a":[{"a":1},{"a":2}]},"b":"a"} `, `["a","a"]`, `{"a":"a","b":"a"}`,
		`{"a":"\ud83d\ude00 \u00e9 \\ud800 \"","b":"é"}`, `{"a\\":1,"a":2}`, `[{"a":1},{"A":1}]`, `{"ı":1,"i":2}`,
		`{"":1}`, `{` + names(40) + `"x":1}`, strings.Repeat("[", strict.MaxDepth) + strings.Repeat("]", strict.MaxDepth),
	} {
		var got, want any
		if err := strict.Unmarshal([]byte(good), &got); err != nil {
			t.Errorf("%.80s: %v", good, err)
		}
		if err := json.Unmarshal([]byte(good), &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%.80s: got %v, want %v, %v", good, got, want, err)
		}
	}
	for bad, says := range map[string]string{
		`{"a":1,"a":2}`:                       "twice",
		`{"a":1,"b":{"c":[1,{"d":1,"d":1}]}}`: "twice",
		`{"b":{"x":1},"a":1,"b":2}`:           "twice",
		`{"body":1,"Body":2}`:                 "twice",
		`{"key":1,"` + "\u212a" + `ey":2}`:    "twice",
		`{"ſ":1,"S":2}`:                       "twice",
		`{"É":1,"é":2}`:                       "twice",
		`{"\u0061":1,"a":2}`:                  "twice",
		`{"a\"":1,"A\"":2}`:                   "twice",
		`{"":1,"":2}`:                         "twice",
		`{` + names(15) + `"NAME 3":2}`:       "twice",
		`{` + names(16) + `"NAME 3":2}`:       "twice",
		`{` + names(40) + `"Name 39":2}`:      "twice",
		"\"a\xff\"":                           "UTF-8",
		"{\"a\xc0\x80\":1}":                   "UTF-8",
		`"\ud800"`:                            "surrogate",
		`"\udc00\ud800"`:                      "surrogate",
		`"\ud83dx\ude00"`:                     "surrogate",
		`"\ud83d\n"`:                          "surrogate",
		`"\uD83D\uD83D\ude00"`:                "surrogate",
		`{"\ud800":1}`:                        "surrogate",
		strings.Repeat("[", 33) + strings.Repeat("]", 33):               "more than 32",
		strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000): "more than 32",
		`{"a":1`:   "unexpected end",
		`{"a"} `:   "invalid character",
		`"a`:       "unexpected end",
		`{} {}`:    "invalid character",
		`]`:        "invalid character",
		`"\u12"`:   "invalid character",
		``:         "unexpected end",
		`{"a":1,}`: "invalid character",
	} {
		var got any
		err := strict.Unmarshal([]byte(bad), &got)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80q: got %v, want ...%s...", bad, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "NAME") {
			t.Errorf("%.80q: the error quotes it: %v", bad, err)
		}
	}
}

// slow is Check as anybody would write it, by the tokens of encoding/json.
func slow(t *testing.T, text []byte) bool {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	type object struct {
		is, value bool
		names     []string
	}
	var open []object
	for {
		token, err := d.Token()
		if err != nil {
			return true
		}
		n := len(open)
		if name, isText := token.(string); isText && n > 0 && open[n-1].is && !open[n-1].value {
			for _, other := range open[n-1].names {
				if strings.EqualFold(other, name) {
					return false
				}
			}
			open[n-1].names, open[n-1].value = append(open[n-1].names, name), true
			continue
		}
		if n > 0 {
			open[n-1].value = false
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if open = append(open, object{is: token == json.Delim('{')}); len(open) > strict.MaxDepth {
				return false
			}
		case json.Delim('}'), json.Delim(']'):
			open = open[:n-1]
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,"x",{"B":2}]},"\u0041":null}`))
	f.Add([]byte("{\"k\":1,\"\u212a\":\"\\ud83d\\ude00\"}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := strict.Check(text)
		if !json.Valid(text) {
			return
		}
		if fine := slow(t, text); fine && err != nil && !strings.Contains(err.Error(), "UTF-8") && !strings.Contains(err.Error(), "surrogate") || !fine && err == nil {
			t.Fatalf("%q: %v, the slow way says %v", text, err, fine)
		}
		var got any
		if err == nil && json.Unmarshal(text, &got) == nil && !bytes.ContainsRune(text, '\uFFFD') && !bytes.Contains(bytes.ToLower(text), []byte(`ufffd`)) {
			if again, _ := json.Marshal(got); bytes.ContainsRune(again, '\uFFFD') {
				t.Errorf("%q reads %s", text, again)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	text := []byte(`{"clientID":"c-1","from":"alice","to":["bob","carol"],"body":"hello there","push":{"title":"Alice","content":"hello there","payload":"{}","resourcesID":"im"}}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := strict.Check(text); err != nil {
			b.Fatal(err)
		}
	}
}
