package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

var (
	// uidAttribute is the part of a certificate's subject that holds its topic.
	uidAttribute = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
	// topicsExtension lists the topics of a certificate for more than one.
	topicsExtension = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 6}
	appleID         = regexp.MustCompile(`^[A-Z0-9]{10}$`)
)

// credential is a signing key, or a certificate.
type credential struct {
	key         *ecdsa.PrivateKey
	certificate tls.Certificate
	expires     time.Time // zero for a key
	fingerprint string
}

// parseCredential checks the shape of a channel's key, or of its certificate, and that it is for the app. Errors name
// the field or the key of the Secret and quote no secret; one that contradicts an identifier is a *provider.MismatchError.
func parseCredential(c *config.APNsChannel, now time.Time) (credential, error) {
	if c.KeyID == "" && c.TeamID == "" {
		return parseCertificate(c, now)
	}
	for _, f := range []struct{ name, value string }{{"teamID", c.TeamID}, {"keyID", c.KeyID}} {
		if !appleID.MatchString(f.value) {
			return credential{}, fmt.Errorf("%s: must be the 10 capital letters and digits that Apple's developer account shows", f.name)
		}
	}
	key, err := jwt.ParseECPrivateKeyFromPEM([]byte(c.PrivateKey.Reveal()))
	if err != nil || key.Curve != elliptic.P256() {
		return credential{}, errors.New("key.p8: is not a P-256 key in PEM; give the .p8 file as Apple made it")
	}
	sum := sha256.Sum256([]byte(c.TeamID + "\x00" + c.KeyID + "\x00" + c.PrivateKey.Reveal()))
	return credential{key: key, fingerprint: hex.EncodeToString(sum[:8])}, nil
}

func parseCertificate(c *config.APNsChannel, now time.Time) (credential, error) {
	text := []byte(c.Certificate.Reveal())
	leaf, err := firstCertificate(text)
	if err != nil {
		return credential{}, err
	}
	pair, err := tls.X509KeyPair(text, []byte(c.PrivateKey.Reveal()))
	if err != nil {
		return credential{}, errors.New("tls.key: is not the key of tls.crt in PEM without a passphrase; take both from the same .p12 file")
	}
	if now.After(leaf.NotAfter) {
		return credential{}, &provider.ExpiredError{Field: "tls.crt", At: leaf.NotAfter}
	}
	if now.Before(leaf.NotBefore) {
		return credential{}, fmt.Errorf("tls.crt: is not valid before %s; wait until then or correct the clock",
			leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	if all := topics(leaf); !slices.Contains(all, c.BundleID) {
		return credential{}, &provider.MismatchError{
			Field:   "apns.bundleID",
			Problem: fmt.Sprintf("is %q, the certificate in tls.crt is for %s", c.BundleID, orNone(all)),
		}
	}
	return credential{certificate: pair, expires: leaf.NotAfter}, nil
}

func firstCertificate(text []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if leaf, err := x509.ParseCertificate(block.Bytes); err == nil {
			return leaf, nil
		}
		break
	}
	return nil, errors.New("tls.crt: is not a certificate in PEM; convert Apple's .p12 or .cer file with openssl")
}

func orNone(topics []string) string {
	if len(topics) == 0 {
		return "no app; it is not one for push notifications"
	}
	return strings.Join(topics, ", ")
}

// topics are those that a certificate is good for: the UID of its subject, and
// the texts of the extension, each of which an unread list of kinds follows.
func topics(c *x509.Certificate) (all []string) {
	for _, name := range c.Subject.Names {
		if text, ok := name.Value.(string); ok && name.Type.Equal(uidAttribute) {
			all = append(all, text)
		}
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(topicsExtension) {
			all = append(all, extensionTopics(e.Value)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func extensionTopics(der []byte) (all []string) {
	var list asn1.RawValue
	if _, err := asn1.Unmarshal(der, &list); err != nil || list.Tag != asn1.TagSequence {
		return nil
	}
	for rest := list.Bytes; len(rest) > 0; {
		var v asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &v); err != nil {
			return all
		}
		if v.Class == asn1.ClassUniversal && v.Tag == asn1.TagUTF8String {
			all = append(all, string(v.Bytes))
		}
	}
	return all
}
