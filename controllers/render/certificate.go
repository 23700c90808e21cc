package render

import "github.com/offlinepush/operator/dispatcher/config"

// Certificate is what dispatchers serve both planes with; zero means plain HTTP.
type Certificate struct {
	// Chain is PEM, the dispatchers' own certificate first.
	Chain string
	Key   config.Secret
}

// named tells the document which certificate lies beside it, so that its hash is another with every new one: a pod that
// reports the hash has the certificate, too.
func (c Certificate) named() config.TLS {
	if c.Chain == "" {
		return config.TLS{}
	}
	return config.TLS{CertificateHash: config.Hash([]byte(c.Chain))}
}
