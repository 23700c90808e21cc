package binding

import (
	"errors"
	"maps"
	"slices"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

const maxToken = 4096

// checkToken gives the one form of a vendor's token in which it is stored and compared.
func (s *Service) checkToken(field, vendor, token string) (string, error) {
	if vendor == "" {
		return "", &message.FieldError{Field: field, Problem: "must be left out, the device has no vendor: register it again with vendor and token"}
	}
	if token == "" {
		return "", &message.FieldError{Field: field, Problem: "must not be empty"}
	}
	if err := message.CheckText(field, token, maxToken); err != nil {
		return "", err
	}
	if s.deps.Token == nil {
		return token, nil
	}
	token, err := s.deps.Token(vendor, token)
	if err == nil {
		err = message.CheckText(field, token, maxToken)
	}
	if e, ok := errors.AsType[*message.FieldError](err); ok {
		return "", &message.FieldError{Field: field, Problem: e.Problem}
	}
	if err != nil {
		return "", &message.FieldError{Field: field, Problem: err.Error()}
	}
	return token, nil
}

// checkKind refuses tokens that no push of the vendor could go to.
func checkKind(field, vendor string, kind message.TokenKind) error {
	switch {
	case kind == message.TokenAlert, kind == message.TokenVoIP && config.ScopeOf(vendor).VoIP:
		return nil
	case kind == message.TokenVoIP:
		return &message.FieldError{Field: field, Problem: "must be left out: " + vendor + " has no tokens for calls, APNs has"}
	}
	return &message.FieldError{Field: field, Problem: "must be alert or voip"}
}

// checkTokens gives the tokens of a registration in the form in which they are stored.
func (s *Service) checkTokens(r Registration) (map[message.TokenKind]string, error) {
	switch { // normalize has refused a token without a vendor.
	case r.Selector.Vendor == "" && r.VoIPToken == "":
		return map[message.TokenKind]string{}, nil
	case r.Selector.Vendor == "":
		return nil, noVendor("voipToken")
	}
	token, err := s.checkToken("token", r.Selector.Vendor, r.Token)
	if err != nil {
		return nil, err
	}
	tokens := map[message.TokenKind]string{message.TokenAlert: token}
	if r.VoIPToken == "" {
		return tokens, nil
	}
	if err := checkKind("voipToken", r.Selector.Vendor, message.TokenVoIP); err != nil {
		return nil, err
	}
	tokens[message.TokenVoIP], err = s.checkToken("voipToken", r.Selector.Vendor, r.VoIPToken)
	return tokens, err
}

// checkMovedTokens is checkTokens for a device that was registered elsewhere; it may have lost its tokens.
func (s *Service) checkMovedTokens(vendor string, given map[message.TokenKind]string) (map[message.TokenKind]string, error) {
	tokens := make(map[message.TokenKind]string, len(given))
	var errs []error
	for _, kind := range slices.Sorted(maps.Keys(given)) {
		err := checkKind("tokens", vendor, kind)
		if err == nil {
			tokens[kind], err = s.checkToken("tokens."+string(kind), vendor, given[kind])
		}
		errs = append(errs, err)
	}
	_, alert := given[message.TokenAlert]
	if _, voip := tokens[message.TokenVoIP]; voip && !alert {
		errs = append(errs, &message.FieldError{Field: "tokens", Problem: "must have the kind alert beside voip"})
	}
	return tokens, errors.Join(errs...)
}

// tokenKeys are the distinct locks of tokens.
func tokenKeys(tokens map[message.TokenKind]string) []string {
	keys := make([]string, 0, len(tokens))
	for _, token := range tokens {
		keys = append(keys, tokenKey(token))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
