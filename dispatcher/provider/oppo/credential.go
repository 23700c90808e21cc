package oppo

import "github.com/offlinepush/operator/dispatcher/provider"

// checkCredential checks the shape of a MasterSecret. Errors name the key of the Secret and quote nothing.
func checkCredential(masterSecret []byte) error {
	return provider.CheckSecret("masterSecret", string(masterSecret), "the MasterSecret from OPPO's console")
}
