package usertoken

import (
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// maxRSABits bounds what one check of a signature costs.
const maxRSABits = 16384

// Errors of keys and headers, which quote nothing of them.
var (
	errNoKeySet   = errors.New("is not a JSON Web Key Set with at least one key for signatures")
	errUnknownKey = errors.New("no key with this key id and algorithm")
	errCritical   = errors.New("the token has critical headers, of which none is known here")
)

// keySet are the keys of an issuer that are for signatures.
type keySet struct{ keys []key }

type key struct {
	id, algorithm string // which may both be empty
	public        any    // or the secret of a symmetric one
}

// parseKeys reads a JSON Web Key Set. Keys of kinds that are not known, and those for encryption, are left out (RFC 7517,
// section 5), so that a new key of the issuer does not lock everybody out.
func parseKeys(text []byte) (*keySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(text, &set) != nil {
		return nil, errNoKeySet
	}
	out := &keySet{}
	for _, raw := range set.Keys {
		if k, ok := parseKey(raw); ok {
			out.keys = append(out.keys, k)
		}
	}
	if len(out.keys) == 0 {
		return nil, errNoKeySet
	}
	return out, nil
}

func parseKey(raw json.RawMessage) (key, bool) {
	var m jwkset.JWKMarshal
	if json.Unmarshal(raw, &m) != nil || m.USE != "" && m.USE != jwkset.UseSig {
		return key{}, false
	}
	parsed, err := jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{m}}.JWKSlice() // Unlike the others it fetches nothing.
	if err != nil {
		return key{}, false
	}
	k := key{id: m.KID, algorithm: string(m.ALG), public: parsed[0].Key()}
	if private, ok := k.public.(interface{ Public() crypto.PublicKey }); ok {
		k.public = private.Public()
	}
	if r, ok := k.public.(*rsa.PublicKey); ok && r.N.BitLen() > maxRSABits {
		return key{}, false
	}
	return k, true
}

// find gives the keys that a token may be signed with: those with its key id, or all if it names none, of no other algorithm.
func (s *keySet) find(token *jwt.Token) (any, error) {
	if _, critical := token.Header["crit"]; critical {
		return nil, errCritical
	}
	id, named := token.Header["kid"]
	algorithm := token.Method.Alg()
	var found jwt.VerificationKeySet
	for _, k := range s.keys {
		if (!named || id == k.id) && (k.algorithm == "" || k.algorithm == algorithm) {
			found.Keys = append(found.Keys, k.public)
		}
	}
	if len(found.Keys) == 0 {
		return nil, errUnknownKey
	}
	return found, nil
}
