package process

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Service stands for a Kubernetes Service: it leads every new connection to one
// of the dispatchers that it has, in turn. It is safe for concurrent use.
type Service struct {
	mu   sync.Mutex
	to   []string
	next int
}

// Lead replaces the addresses that connections go to, given as URLs.
func (s *Service) Lead(urls ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = nil
	for _, u := range urls {
		s.to = append(s.to, strings.TrimPrefix(u, "http://"))
	}
}

// Client is an HTTP client whose connections all go through the service, whatever host the URL names, and whose
// answers the transcript keeps under the plane's name.
func (s *Service) Client(kept *Transcript, plane string) *http.Client {
	next := &http.Transport{MaxIdleConnsPerHost: 64, DialContext: s.dial}
	return &http.Client{Transport: &recorder{transcript: kept, plane: plane, next: next}}
}

func (s *Service) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	address, err := s.pick()
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (s *Service) pick() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.to) == 0 {
		return "", errors.New("the service leads nowhere")
	}
	s.next++
	return s.to[s.next%len(s.to)], nil
}
