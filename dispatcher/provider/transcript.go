package provider

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxOverheard bounds what is read of a request to learn its secrets, in bytes.
const maxOverheard = 256 << 10

// Transcript keeps what a vendor answered last, for who debugs a push. Nothing leaves it but by Quote.
type Transcript struct {
	mu     sync.Mutex
	status int
	body   []byte
	took   time.Duration
	// secrets are those of the requests and answers so far.
	secrets []string
}

type transcriptKey struct{}

// WithTranscript lets Do write into the transcript while the context is used.
func WithTranscript(ctx context.Context, t *Transcript) context.Context {
	return context.WithValue(ctx, transcriptKey{}, t)
}

// note takes a request and its answer, which is empty when there was none.
func note(req *http.Request, a Answer, took time.Duration) {
	t, ok := req.Context().Value(transcriptKey{}).(*Transcript)
	if !ok {
		return
	}
	secrets := append(requestSecrets(req), namedSecrets(string(a.Body))...)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status, t.body, t.took = a.Status, a.Body, took
	t.secrets = append(t.secrets, secrets...)
}

// requestSecrets are what a request proves itself by: in its headers, its address and its body.
func requestSecrets(req *http.Request) []string {
	secrets := headerSecrets(req.Header)
	secrets = append(secrets, formSecrets(req.URL.RawQuery)...)
	if req.GetBody == nil {
		return secrets
	}
	r, err := req.GetBody()
	if err != nil {
		return secrets
	}
	defer r.Close()                                        //nolint:errcheck // it is in memory
	body, _ := io.ReadAll(io.LimitReader(r, maxOverheard)) // It is in memory.
	return append(secrets, append(formSecrets(string(body)), namedSecrets(string(body))...)...)
}

// Status is that of the last answer; 0 when there was none.
func (t *Transcript) Status() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status
}

// Took is how long the last request took.
func (t *Transcript) Took() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.took
}

// Quote is the body of the last answer, at most limit bytes of it, without the secrets of the requests and
// without the texts to hide, however they are written.
func (t *Transcript) Quote(limit int, hide ...string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return quoted(string(t.body), limit, append(hide, t.secrets...))
}
