package v1alpha1

// AppAuth says who may call the dispatchers. In both Secrets of keys the name of an entry says whose key it is and the
// value is the key; all entries are valid at the same time, so that keys can be rotated.
//
// +kubebuilder:validation:XValidation:rule="self.registrationKeysSecretRef.name != self.serverKeysSecretRef.name",message="`registrationKeysSecretRef` must name another Secret than `serverKeysSecretRef`: registration keys are known to everybody"
type AppAuth struct {
	// serverKeysSecretRef names a Secret whose values are the keys of the app's own servers, which may send messages and
	// change bindings. At least 16 characters each; every entry is valid, so that keys can be rotated without a gap.
	// +required
	ServerKeysSecretRef SecretReference `json:"serverKeysSecretRef,omitzero"`

	// registrationKeysSecretRef names a Secret whose values are the keys with which phones register. Everybody knows them,
	// because they are built into the app: they identify it and protect nothing. At least 16 characters each; every entry is
	// valid.
	// +required
	RegistrationKeysSecretRef SecretReference `json:"registrationKeysSecretRef,omitzero"`

	// deviceJWT says how users prove who they are when they bind a phone or open a session. When unset, only the app's own
	// servers bind phones to users, and there are no sessions.
	// +optional
	DeviceJWT *DeviceJWT `json:"deviceJWT,omitempty"`
}

// JWTAlgorithm is a signature algorithm of a JSON Web Token.
//
// +k8s:enum
type JWTAlgorithm string

const (
	// JWTES256 is ECDSA on P-256.
	JWTES256 JWTAlgorithm = "ES256"
	// JWTES384 is ECDSA on P-384.
	JWTES384 JWTAlgorithm = "ES384"
	// JWTEdDSA is Ed25519.
	JWTEdDSA JWTAlgorithm = "EdDSA"
	// JWTRS256 is RSA with PKCS #1 v1.5.
	JWTRS256 JWTAlgorithm = "RS256"
	// JWTPS256 is RSA with PSS.
	JWTPS256 JWTAlgorithm = "PS256"
	// JWTHS256 is HMAC with SHA-256.
	JWTHS256 JWTAlgorithm = "HS256"
)

// DeviceJWT says which JSON Web Tokens prove a user. The claim `sub` is the user's id.
//
// +kubebuilder:validation:XValidation:rule="has(self.jwksURL) != has(self.keysSecretRef)",message="exactly one of `jwksURL` and `keysSecretRef` must be set"
// +kubebuilder:validation:XValidation:rule="!has(self.jwksURL) || !self.algorithms.exists(a, a == 'HS256')",message="`algorithms` must not hold 'HS256' with `jwksURL`: a shared secret is no public key"
type DeviceJWT struct {
	// issuer must equal the token's claim `iss`. At most 256 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +required
	Issuer string `json:"issuer,omitempty"`

	// audience must be in the token's claim `aud`. At most 256 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +required
	Audience string `json:"audience,omitempty"`

	// algorithms are the signature algorithms that are accepted: ES256, ES384, EdDSA, RS256, PS256, and HS256 with
	// keysSecretRef only. Defaults to ES256, EdDSA and RS256.
	// +listType=set
	// +kubebuilder:default={ES256,EdDSA,RS256}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=6
	// +optional
	Algorithms []JWTAlgorithm `json:"algorithms,omitempty"`

	// jwksURL is the https URL of a JSON Web Key Set with the issuer's public keys; dispatchers fetch it anew when a token
	// names an unknown key.
	// +optional
	JWKSURL HTTPSURL `json:"jwksURL,omitempty"`

	// keysSecretRef names a Secret with a JSON Web Key Set under the key `jwks.json`. It may hold shared secrets (`kty: oct`)
	// for HS256, at least 32 bytes each.
	// +optional
	KeysSecretRef *SecretReference `json:"keysSecretRef,omitempty"`
}

// Keys of the Secret that AppCallback.keySecretRef names.
const (
	// CallbackKeyKey holds the key that signs the requests.
	CallbackKeyKey = "key"
	// CallbackCAKey holds the certificates that the app's server is verified with, as PEM.
	CallbackCAKey = "ca.crt"
)

// AppCallback is where the app's own server hears of its users.
type AppCallback struct {
	// url is the https URL that every event is posted to.
	// +required
	URL HTTPSURL `json:"url,omitempty"`

	// keySecretRef names a Secret whose `key` of at least 32 characters signs the requests. Optional: `ca.crt` to verify the
	// server with. Changes restart no pod.
	// +required
	KeySecretRef SecretReference `json:"keySecretRef,omitzero"`
}

// AppExposure says how phones and vendors reach the dispatchers.
type AppExposure struct {
	// externalURL is the https URL under which phones and vendors reach Service <app>-device from outside. It is shown in
	// status.endpoints for those who build the phones' apps.
	// +optional
	ExternalURL HTTPSURL `json:"externalURL,omitempty"`

	// service shapes Service <app>-device, for phones and vendors. Service <app>-server, for the app's own servers, is always
	// ClusterIP.
	// +kubebuilder:default={}
	// +optional
	Service DeviceService `json:"service,omitzero"`

	// tls makes the dispatchers serve TLS. When unset they serve plain HTTP, for use behind a gateway that ends TLS.
	// +optional
	TLS *DispatcherTLS `json:"tls,omitempty"`
}

// DeviceServiceType is the type of the Service for phones and vendors.
//
// +k8s:enum
type DeviceServiceType string

const (
	// DeviceServiceClusterIP is reachable inside the cluster, for use behind a gateway.
	DeviceServiceClusterIP DeviceServiceType = "ClusterIP"
	// DeviceServiceNodePort is reachable on a port of every node.
	DeviceServiceNodePort DeviceServiceType = "NodePort"
	// DeviceServiceLoadBalancer is reachable through a load balancer of the cluster's provider.
	DeviceServiceLoadBalancer DeviceServiceType = "LoadBalancer"
)

// DeviceService shapes the Service for phones and vendors.
//
// +kubebuilder:validation:XValidation:rule="!has(self.loadBalancerClass) || self.type == 'LoadBalancer'",message="`loadBalancerClass` must be unset unless `type` is 'LoadBalancer'"
type DeviceService struct {
	// type is ClusterIP, NodePort or LoadBalancer. Defaults to ClusterIP.
	// +kubebuilder:default=ClusterIP
	// +optional
	Type DeviceServiceType `json:"type,omitempty"`

	// annotations are set on the Service, for the load balancer's settings. At most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('offlinepush.io/'))",message="`annotations` must not use the prefix 'offlinepush.io/', which is the operator's"
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// loadBalancerClass selects an implementation of load balancers. Only with type: LoadBalancer. When unset, the cluster's
	// default.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	LoadBalancerClass string `json:"loadBalancerClass,omitempty"`
}

// DispatcherTLS is the certificate that dispatchers serve.
type DispatcherTLS struct {
	// secretRef names a Secret of type kubernetes.io/tls, with `tls.crt` and `tls.key`. A changed certificate is served
	// without a restart.
	// +required
	SecretRef SecretReference `json:"secretRef,omitzero"`
}
