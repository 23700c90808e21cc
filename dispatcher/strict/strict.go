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
	"slices"
	"strconv"
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
	if !utf8.Valid(text) {
		return errEncoding
	}
	s := scanner{text: text}
	for s.at < len(text) {
		if err := s.next(); err != nil {
			return err
		}
	}
	return nil
}

// scanner goes through a text from one bracket, comma or text to the next.
type scanner struct {
	text []byte
	at   int
	open []level
	// named are the names so far of the open objects, the innermost last.
	named [][]byte
	// many are the names of large objects in one case, by the depth at which they are.
	many map[int]map[string]bool
}

// level is an open list or object.
type level struct {
	object bool
	// wantsName is true where a text is a name.
	wantsName bool
	// names is where those of the object begin.
	names int
}

// few is how many names are compared one by one.
const few = 16

func (s *scanner) next() error {
	c := s.text[s.at]
	s.at++
	switch c {
	case '{', '[':
		if len(s.open) == MaxDepth {
			return errDeep
		}
		s.open = append(s.open, level{object: c == '{', wantsName: c == '{', names: len(s.named)})
	case '}', ']':
		s.leave()
	case ',':
		if n := len(s.open); n > 0 {
			s.open[n-1].wantsName = s.open[n-1].object
		}
	case '"':
		return s.quoted()
	}
	return nil
}

func (s *scanner) leave() {
	n := len(s.open)
	if n == 0 {
		return
	}
	s.named = s.named[:s.open[n-1].names]
	s.open = s.open[:n-1]
	delete(s.many, n)
}

// quoted reads a text behind its first quote.
func (s *scanner) quoted() error {
	begin, escaped := s.at, false
	for ; s.at < len(s.text) && s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			escaped = true
			s.at++
		}
	}
	end := min(s.at, len(s.text))
	s.at++
	inner := s.text[begin:end]
	if escaped && halfPair(inner) {
		return errSurrogate
	}
	n := len(s.open)
	if n == 0 || !s.open[n-1].wantsName {
		return nil
	}
	s.open[n-1].wantsName = false
	return s.name(nameOf(inner, escaped))
}

// name notes a name of the innermost object.
func (s *scanner) name(name []byte) error {
	depth := len(s.open)
	names := s.named[s.open[depth-1].names:]
	if len(names) == few {
		return s.oneOfMany(depth, name, names)
	}
	for _, n := range names {
		if bytes.EqualFold(n, name) {
			return errTwice
		}
	}
	s.named = append(s.named, name)
	return nil
}

// oneOfMany is name for an object that already has the few names.
func (s *scanner) oneOfMany(depth int, name []byte, names [][]byte) error {
	if s.many == nil {
		s.many = map[int]map[string]bool{}
	}
	known := s.many[depth]
	if known == nil {
		known = make(map[string]bool, 2*few)
		for _, n := range names {
			known[string(bytes.Map(folded, n))] = true
		}
		s.many[depth] = known
	}
	key := string(bytes.Map(folded, name))
	if known[key] {
		return errTwice
	}
	known[key] = true
	return nil
}

// nameOf is a name without escapes.
func nameOf(inner []byte, escaped bool) []byte {
	if !escaped {
		return inner
	}
	var name string
	if json.Unmarshal(slices.Concat([]byte{'"'}, inner, []byte{'"'}), &name) != nil {
		return inner
	}
	return []byte(name)
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

// halfPair reports whether a text has half of a surrogate pair.
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
