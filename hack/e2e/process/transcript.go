package process

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Transcript keeps everything that the programs wrote and answered, so that a
// test can look for what must not be there.
type Transcript struct {
	mu     sync.Mutex
	places map[string]*bytes.Buffer
}

// NewTranscript returns an empty one.
func NewTranscript() *Transcript { return &Transcript{places: map[string]*bytes.Buffer{}} }

// Add notes what was seen at a place, such as the log of a program.
func (s *Transcript) Add(place string, seen []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.places[place]
	if !ok {
		b = new(bytes.Buffer)
		s.places[place] = b
	}
	_, _ = b.Write(seen) // never fails
	_ = b.WriteByte('\n')
}

// Places lists where the text was seen.
func (s *Transcript) Places(text string) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for place, b := range s.places {
		if bytes.Contains(b.Bytes(), []byte(text)) {
			found = append(found, place)
		}
	}
	return found
}

// Bytes is how much was seen at the places with the prefix.
func (s *Transcript) Bytes(prefix string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for place, b := range s.places {
		if strings.HasPrefix(place, prefix) {
			n += b.Len()
		}
	}
	return n
}

// Client makes an HTTP client whose answers are kept under the plane's name and the path.
func (s *Transcript) Client(plane string) *http.Client {
	return &http.Client{Transport: &recorder{transcript: s, plane: plane, next: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// recorder keeps answers; sessions, which are no answers, pass.
type recorder struct {
	transcript *Transcript
	plane      string
	next       http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil || resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	seen := new(bytes.Buffer)
	_ = resp.Header.Write(seen) // into memory
	_, _ = seen.Write(body)
	r.transcript.Add(r.plane+" "+req.Method+" "+req.URL.Path, seen.Bytes())
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
