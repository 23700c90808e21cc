// Package strict reads the JSON of strangers. The standard library takes texts
// that mean different things to different readers: of two members of one name
// it keeps the last, or merges both, names in another case count too, and what
// is no UTF-8 becomes U+FFFD, so that two ids become one. What was checked is
// then not what is done. This package refuses such texts, and imports nothing.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how many lists and objects may be in each other. The API's own have half as many.
const MaxDepth = 32

// Errors that say what is ambiguous. They quote nothing of the text.
var (
	errEncoding  = errors.New("must be valid UTF-8")
	errSurrogate = errors.New(`must not have half of a surrogate pair, such as \ud800 alone`)
	errTwice     = errors.New("must not have one name twice in an object, also not in another case")
	errDeep      = fmt.Errorf("must not have more than %d lists and objects in each other", MaxDepth)
)

// Unmarshal is json.Unmarshal for texts that Check takes. After an error nothing counts that was read.
func Unmarshal(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return err
	}
	return Check(text)
}

// Check refuses what could be read in two ways. Of what is no JSON it may say anything.
func Check(text []byte) error {
	switch {
	case !utf8.Valid(text):
		return errEncoding
	case halfPair(text):
		return errSurrogate
	}
	var w walk
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // of any size
	for {
		token, err := d.Token()
		if err != nil {
			return nil // The end; what is no JSON was refused before.
		}
		if err := w.step(token); err != nil {
			return err
		}
	}
}

// walk is a way through a text, token by token.
type walk struct{ open []level }

// level is an open list or object.
type level struct {
	// names are those so far of an object, in one case; nil for a list.
	names map[string]bool
	// valued is true where a name waits for its value.
	valued bool
}

func (w *walk) step(token json.Token) error {
	if n := len(w.open); n > 0 && w.open[n-1].names != nil {
		in := &w.open[n-1]
		if name, isText := token.(string); isText && !in.valued {
			in.valued = true
			return in.name(name)
		}
		in.valued = false
	}
	switch token {
	case json.Delim('{'):
		return w.enter(level{names: map[string]bool{}})
	case json.Delim('['):
		return w.enter(level{})
	case json.Delim('}'), json.Delim(']'):
		w.open = w.open[:len(w.open)-1]
	}
	return nil
}

func (w *walk) enter(l level) error {
	if len(w.open) == MaxDepth {
		return errDeep
	}
	w.open = append(w.open, l)
	return nil
}

func (l *level) name(name string) error {
	key := strings.Map(folded, name)
	if l.names[key] {
		return errTwice
	}
	l.names[key] = true
	return nil
}

// folded is the smallest rune that equals r but for the case.
func folded(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}

// halfPair reports whether a text has half of a surrogate pair: only its strings have backslashes.
func halfPair(inner []byte) bool {
	for at := 0; at < len(inner); at++ {
		if inner[at] != '\\' {
			continue
		}
		r := escape(inner[at:])
		if !utf16.IsSurrogate(r) {
			at++
			continue
		}
		if at+6 > len(inner) || utf16.DecodeRune(r, escape(inner[at+6:])) == unicode.ReplacementChar {
			return true
		}
		at += 11
	}
	return false
}

// escape is the code unit of an escape such as \u00e9 that the text begins with; 0 when it does not.
func escape(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	unit, _ := strconv.ParseUint(string(text[2:6]), 16, 16) // What is no number is no half of a pair either.
	return rune(unit)
}
