package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
)

// The credentials of an app.
const (
	authToken       = "Token"
	authCertificate = "Certificate"
)

const (
	certificateDays = 365
	idLetters       = 10
)

// App is an app in Apple's developer account, with its credential.
type App struct {
	BundleID string `json:"bundleID"`
	// Auth is Token for a signing key, which is the default, or Certificate.
	Auth string `json:"auth,omitempty"`
	// TeamID and KeyID are made if they are empty. Apps of one team may push with each other's keys.
	TeamID string `json:"teamID,omitempty"`
	KeyID  string `json:"keyID,omitempty"`
	// PrivateKey is the .p8 file, or the key of the certificate; made if it is empty.
	PrivateKey string `json:"privateKey"`
	// Certificate is PEM; made for CertificateDays, 365 if that is 0.
	Certificate     string `json:"certificate,omitempty"`
	CertificateDays int    `json:"certificateDays,omitempty"`
	// Environment limits the credential to Production or Sandbox; empty means both.
	Environment string `json:"environment,omitempty"`
	// PushesPerSecond is how many one phone takes, 0 for no limit.
	PushesPerSecond int `json:"pushesPerSecond,omitempty"`
}

func newConsole() *apps.Console[App] {
	return apps.NewConsole(apps.Kind[App]{
		Vendor:    Name,
		ID:        func(a App) string { return a.BundleID },
		Secret:    func(a *App) *string { return &a.PrivateKey },
		NewSecret: newKey,
		Check:     check,
		Complete:  complete,
	})
}

func check(a App) error {
	switch {
	case strings.Contains(a.BundleID, "/") || strings.HasSuffix(a.BundleID, voIPSuffix):
		return adminapi.Invalid("bundleID: must be without slash and without %s", voIPSuffix)
	case a.Auth != "" && a.Auth != authToken && a.Auth != authCertificate:
		return adminapi.Invalid("auth: is %q, must be %s or %s", a.Auth, authToken, authCertificate)
	case a.Environment != "" && a.Environment != "Production" && a.Environment != "Sandbox":
		return adminapi.Invalid("environment: is %q, must be Production or Sandbox", a.Environment)
	case a.CertificateDays < 0 || a.PushesPerSecond < 0:
		return adminapi.Invalid("certificateDays and pushesPerSecond: must not be negative")
	}
	return nil
}

// newKey is a .p8 file.
func newKey() string {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // never fails
	der, _ := x509.MarshalPKCS8PrivateKey(key)                // nor does this
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// complete makes what goes with the key.
func complete(a *App) error {
	key, err := jwt.ParseECPrivateKeyFromPEM([]byte(a.PrivateKey))
	if err != nil || key.Curve != elliptic.P256() {
		return adminapi.Invalid("privateKey: must be a P-256 key in PEM")
	}
	if a.Auth != authCertificate {
		a.Certificate = ""
		for _, id := range []*string{&a.TeamID, &a.KeyID} {
			if *id == "" {
				*id = strings.ToUpper(apps.RandomHex(idLetters / 2))
			}
		}
		return nil
	}
	if leaf := a.leaf(); leaf != nil && key.PublicKey.Equal(leaf.PublicKey) {
		return nil
	}
	a.Certificate, err = certify(*a, key)
	return err
}

// leaf is the app's certificate, nil if it has none.
func (a App) leaf() *x509.Certificate {
	block, _ := pem.Decode([]byte(a.Certificate))
	if block == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return leaf
}

// certify makes a certificate like Apple's, with the topics of the app.
func certify(a App, key *ecdsa.PrivateKey) (string, error) {
	days := a.CertificateDays
	if days == 0 {
		days = certificateDays
	}
	topics, err := topicsValue([][2]string{{a.BundleID, "app"}, {a.BundleID + voIPSuffix, "voip"}})
	if err != nil {
		return "", err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject: pkix.Name{
			CommonName: "Apple Push Services: " + a.BundleID,
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, Value: a.BundleID}},
		},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, days),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 6}, Value: topics}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), err
}

// topicsValue is a sequence of topics, each followed by a sequence of its kinds.
func topicsValue(topics [][2]string) ([]byte, error) {
	var list []byte
	for _, t := range topics {
		topic, err := asn1.MarshalWithParams(t[0], "utf8")
		if err != nil {
			return nil, err
		}
		kinds, err := asn1.Marshal(struct {
			Kind string `asn1:"utf8"`
		}{t[1]})
		if err != nil {
			return nil, err
		}
		list = append(append(list, topic...), kinds...)
	}
	return asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: list})
}
