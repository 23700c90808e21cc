package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/mail"
	"net/url"
	"strings"

	"github.com/offlinepush/operator/dispatcher/provider"
)

// parseKeys reads a VAPID private key, and gives its public key in base64url, which one that is given must be. Errors name
// the key of the Secret or the field and quote no secret; a public key of another pair is a *provider.MismatchError.
func parseKeys(private, public string) (*ecdsa.PrivateKey, string, error) {
	key, err := parsePrivate(strings.TrimSpace(private))
	if err != nil {
		return nil, "", err
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, "", errors.New("vapidPrivateKey: has no public key; generate a new VAPID key pair")
	}
	if public == "" {
		return key, encode(point), nil
	}
	given, err := decode(public)
	if err != nil {
		return nil, "", errors.New("webPush.publicKey: is not base64url; give the 65 bytes of the VAPID public key, or leave it out")
	}
	if string(given) != string(point) {
		return nil, "", &provider.MismatchError{
			Field:   "webPush.publicKey",
			Problem: "is not the public key of vapidPrivateKey; give the pair that the app's pages subscribe with",
		}
	}
	return key, encode(point), nil
}

// parsePrivate reads 32 bytes of base64url, or PEM as openssl writes it.
func parsePrivate(text string) (*ecdsa.PrivateKey, error) {
	if text == "" {
		return nil, errors.New("vapidPrivateKey: is empty; put the VAPID private key into the Secret")
	}
	if strings.Contains(text, "-----BEGIN") {
		return parsePEM([]byte(text))
	}
	raw, err := decode(text)
	if err != nil {
		return nil, errors.New("vapidPrivateKey: is neither base64url nor PEM; give the private key as the VAPID tool printed it")
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return nil, errors.New("vapidPrivateKey: is not a private key of P-256, which has 32 bytes; give the private key, not the public one")
	}
	return key, nil
}

func parsePEM(text []byte) (*ecdsa.PrivateKey, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if key, ok := ecKey(block); ok && key.Curve == elliptic.P256() {
			return key, nil
		}
	}
	return nil, errors.New("vapidPrivateKey: holds no unencrypted private key of P-256 in PEM; make one with: openssl ecparam -name prime256v1 -genkey -noout")
}

func ecKey(block *pem.Block) (*ecdsa.PrivateKey, bool) {
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, true
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, false
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	return ec, ok
}

// checkSubject refuses what Apple does: an address without a real domain.
func checkSubject(subject string) error {
	domain := ""
	if address, ok := strings.CutPrefix(subject, "mailto:"); ok {
		if parsed, err := mail.ParseAddress(address); err == nil && parsed.Address == address {
			_, domain, _ = strings.Cut(address, "@")
		}
	} else if u, err := url.Parse(subject); err == nil && u.Scheme == "https" {
		domain = u.Hostname()
	}
	if !strings.Contains(domain, ".") {
		return errors.New("webPush.subject: must be mailto: with an address, or an https: URL, of a domain of the internet, such as mailto:push@example.com")
	}
	return nil
}
