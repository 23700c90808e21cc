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

// TestNumbersOfAnySize: what no field takes must not end the look at what is behind it.
func TestNumbersOfAnySize(t *testing.T) {
	t.Parallel()
	var into struct{ A int }
	if err := strict.Unmarshal([]byte(`{"x":1e999,"a":1,"a":2}`), &into); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("got %v", err)
	}
	if err := strict.Unmarshal([]byte(`{"x":1e999,"a":1}`), &into); err != nil || into.A != 1 {
		t.Errorf("got %+v, %v", into, err)
	}
}

// FuzzCheck: what passes means one thing, and what was read from it passes again.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,"x",{"B":2}]},"\u0041":null}`))
	f.Add([]byte("{\"k\":1,\"\u212a\":\"\\ud83d\\ude00\"}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := strict.Check(text)
		var got any
		if json.Unmarshal(text, &got) != nil {
			return
		}
		again, _ := json.Marshal(got)
		one, deep := distinct(got, 0)
		switch {
		case err != nil && one && !deep && strict.Check(again) != nil:
			t.Errorf("%q is refused, and so is %s, without need", text, again)
		case err != nil:
		case !one || deep:
			t.Errorf("%q passes, and has two names of one or too many levels", text)
		case bytes.Count(text, []byte(":")) != bytes.Count(again, []byte(":")):
			t.Errorf("%q passes, and reads %s", text, again)
		case bytes.ContainsRune(again, '\uFFFD') && !bytes.ContainsRune(text, '\uFFFD') && !bytes.Contains(bytes.ToLower(text), []byte(`ufffd`)):
			t.Errorf("%q passes, and reads %s", text, again)
		}
	})
}

// distinct reports whether no two names of an object are equal but for the case, and whether there are too many levels.
func distinct(value any, depth int) (one, deep bool) {
	one = true
	below := func(v any) {
		o, d := distinct(v, depth+1)
		one, deep = one && o, deep || d
	}
	switch v := value.(type) {
	case []any:
		deep = depth == strict.MaxDepth
		for _, e := range v {
			below(e)
		}
	case map[string]any:
		deep = depth == strict.MaxDepth
		for a, e := range v {
			for b := range v {
				one = one && (a == b || !strings.EqualFold(a, b))
			}
			below(e)
		}
	}
	return one, deep
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
