package provider

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/offlinepush/operator/dispatcher/message"
)

const (
	// maxAnswer bounds what is read of an answer, in bytes: some vendors answer about each of 1000 phones.
	maxAnswer = 512 << 10
	// maxWords bounds what is quoted of a vendor, in runes.
	maxWords = 256
	// maxRetryAfter bounds the wait that a vendor may ask for.
	maxRetryAfter = 24 * time.Hour
)

// Answer is what a vendor answered to one request.
type Answer struct {
	Status int
	Header http.Header
	// Body is empty when it was over the limit, so that it reads as malformed.
	Body []byte
	// RetryAfter is 0 when the vendor named no wait.
	RetryAfter time.Duration
}

// Do makes a request and reads its answer, of which it tells the context's Transcript. The error names no URL.
func Do(client *http.Client, req *http.Request) (a Answer, err error) {
	start := time.Now()
	defer func() { note(req, a, time.Since(start)) }()
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return Answer{}, fmt.Errorf("reading the answer: %w", withoutURL(err))
	}
	if len(body) > maxAnswer {
		body = nil
	}
	return Answer{
		Status:     resp.StatusCode,
		Header:     resp.Header,
		Body:       body,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), answeredAt(resp)),
	}, nil
}

// answeredAt is the vendor's own clock, where it tells.
func answeredAt(resp *http.Response) time.Time {
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return at
	}
	return time.Now()
}

func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// retryAfter reads seconds or a date; 0 for anything else.
func retryAfter(value string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// Unanswered is the outcome of a request without an answer: nobody knows whether the vendor took it.
func Unanswered(err error) message.Outcome {
	text := withoutAddresses(err)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		text += "; give the CA of a stand-in for the vendor by endpoint.caBundleRef of the channel"
	}
	return message.Outcome{Class: message.Transient, Detail: Words(text)}
}

// ClassOf is the class of an answer whose body says nothing: refusals of the
// address or the caller concern the whole channel and keep its deliveries.
func ClassOf(status int) message.Class {
	switch {
	case status == http.StatusTooManyRequests:
		return message.Throttled
	case status == http.StatusRequestEntityTooLarge:
		return message.Rejected
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
		return message.CredentialRejected
	case status == http.StatusRequestTimeout, status == http.StatusOK, status >= 500:
		return message.Transient
	}
	return message.Unknown
}

// Malformed is the outcome of an answer without the vendor's shape. None of it is quoted.
func (a Answer) Malformed() message.Outcome {
	return message.Outcome{
		Class:      ClassOf(a.Status),
		HTTPStatus: a.Status,
		Detail:     fmt.Sprintf("HTTP %d without the vendor's answer", a.Status),
		RetryAfter: a.RetryAfter,
	}
}

// Words makes a vendor's words fit to be shown: without the texts to hide, on one line, at most 256 runes.
func Words(text string, hide ...string) string {
	pairs := make([]string, 0, 2*len(hide))
	longestFirst := func(a, b string) int { return cmp.Compare(len(b), len(a)) }
	for _, h := range slices.SortedFunc(slices.Values(hide), longestFirst) {
		if h != "" {
			pairs = append(pairs, h, "<redacted>")
		}
	}
	text = strings.Map(printable, strings.NewReplacer(pairs...).Replace(text))
	if runes := []rune(text); len(runes) > maxWords {
		text = string(runes[:maxWords-1]) + "…"
	}
	return strings.TrimSpace(text)
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}
