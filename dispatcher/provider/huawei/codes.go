package huawei

import (
	"net/http"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/pushkit"
)

// Codes is the table of Push Kit's codes, and of error and sub_error of the token endpoint.
func Codes() []provider.Code {
	return append(pushkit.Codes(),
		provider.Code{
			Code: "1101", HTTP: http.StatusBadRequest, Class: message.CredentialRejected,
			Why: "The token endpoint refuses the request. Compare huawei.appID and the Secret's appSecret with AppGallery Connect.",
		},
		provider.Code{
			Code: "1101/20002", HTTP: http.StatusBadRequest, Class: message.CredentialRejected,
			Why: "The app's id is malformed. Copy it again from AppGallery Connect into huawei.appID.",
		},
	)
}
