package xiaomi

import "github.com/offlinepush/operator/dispatcher/provider"

// checkCredential checks the shape of an AppSecret. Errors name the key of the Secret and quote nothing.
func checkCredential(appSecret []byte) error {
	return provider.CheckSecret("appSecret", string(appSecret), "the AppSecret from Xiaomi's console")
}
