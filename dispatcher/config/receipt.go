package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// ReceiptPath is where the device plane takes vendors' callbacks; a secret of each channel row follows.
const ReceiptPath = "/v1/receipts/"

// receiptSecretBytes make a path that cannot be guessed and still fits into the vendors' 128 bytes for a URL.
const receiptSecretBytes = 16

// ReceiptSecret is the last part of the row's receipt URL. It depends on the app's key and the row's name only.
func (d *Document) ReceiptSecret(row string) Secret {
	mac := hmac.New(sha256.New, []byte(d.Keys.ReceiptPath.value))
	mac.Write([]byte(row))
	return NewSecret(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:receiptSecretBytes]))
}

// ReceiptURL is where a vendor posts what became of the row's pushes; zero without an external URL.
func (d *Document) ReceiptURL(row string) Secret {
	if d.ExternalURL == "" {
		return Secret{}
	}
	return NewSecret(strings.TrimSuffix(d.ExternalURL, "/") + ReceiptPath + d.ReceiptSecret(row).value)
}
