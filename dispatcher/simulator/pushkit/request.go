package pushkit

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Serve answers a request of an account with what accept says of it, unless it is refused already.
func (s *Service) Serve(w http.ResponseWriter, id string, a Account, refused *Answer, accept func() *Answer) {
	if refused == nil {
		refused = s.Admit(id, a)
	}
	if refused != nil {
		refused.Write(w)
		return
	}
	accept().Write(w)
}

// Read reads a request whose shape, size and tokens nothing is wrong with. tokens tells those of the request.
func Read[R any](r *http.Request, tokens func(R) []string) (R, *Answer) {
	var req, none R
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return none, Refuse(WrongMessage, "")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&req); err != nil {
		return none, Refuse(WrongMessage, err.Error())
	}
	list := tokens(req)
	traffic.SetTargets(r, list...)
	if no := checkTokens(list); no != nil {
		return none, no
	}
	return req, checkSize(body, list)
}
