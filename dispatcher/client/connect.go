package client

import (
	"net"
	"net/http"
	"time"
)

// connectTimeout bounds how long a connection may take to be there: an address
// at which nobody is any more must not use up the time of the request.
const connectTimeout = 5 * time.Second

// defaultHTTP is the client of those who bring none.
var defaultHTTP = &http.Client{Transport: impatient()}

func impatient() *http.Transport {
	t := &http.Transport{}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		t = standard.Clone()
	}
	t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	return t
}
