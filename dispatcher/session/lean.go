package session

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
)

// The buffers of a session. Longer frames pass them by in parts.
const (
	readBuffer  = 512
	writeBuffer = 1 << 10
)

// lean gives an upgraded connection small buffers: those of net/http would be a third of what an idle session holds.
type lean struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (l lean) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, large, err := http.NewResponseController(l.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, err := large.Peek(large.Reader.Buffered()) // a login that came together with the request
	if err != nil {
		return nil, nil, err
	}
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(slices.Clone(early)), conn), max(readBuffer, len(early)))
	if _, err := in.Peek(len(early)); err != nil {
		return nil, nil, err
	}
	return conn, bufio.NewReadWriter(in, bufio.NewWriterSize(conn, writeBuffer)), nil
}
