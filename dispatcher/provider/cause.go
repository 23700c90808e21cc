package provider

import (
	"errors"
	"net"
	"regexp"
	"strings"
)

// withoutAddresses is the text of an error without the addresses and ports of
// its connection, so that the same trouble reads the same every time.
func withoutAddresses(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*net.OpError](err); ok {
		bare := net.OpError{Op: e.Op, Net: e.Net, Err: errors.New(withoutAddresses(e.Err))}
		return strings.ReplaceAll(text, e.Error(), bare.Error())
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		bare := net.DNSError{Name: e.Name, Err: lastCause(e.Err)}
		return strings.ReplaceAll(text, e.Error(), bare.Error())
	}
	return streamID.ReplaceAllString(text, "")
}

// streamID is what HTTP/2 calls the stream of a request; each has another.
var streamID = regexp.MustCompile(`stream ID \d+; `)

// lastCause drops how a query went to its server; a DNSError has that as text only.
func lastCause(text string) string {
	return strings.TrimSpace(text[strings.LastIndex(text, ": ")+1:])
}
