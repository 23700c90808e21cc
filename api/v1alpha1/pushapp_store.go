package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
)

// AppStore is where an app's devices, messages and pushes are kept: exactly one member is set, and always the same one.
//
// +kubebuilder:validation:XValidation:rule="has(self.sqlite) != has(self.postgres)",message="exactly one store must be set: `sqlite` or `postgres`"
// +kubebuilder:validation:XValidation:rule="has(self.sqlite) == has(oldSelf.sqlite)",message="the store must not change between `sqlite` and `postgres`: no data would move; make a second PushApp with the other store and move the bindings, docs/moving.md says how"
type AppStore struct {
	// sqlite keeps the data in a SQLite file on a volume, which allows one dispatcher. `{}` takes every default.
	// +optional
	SQLite *SQLiteStore `json:"sqlite,omitempty"`

	// postgres keeps the data in a PostgreSQL database, version 15 or newer, which several dispatchers share.
	// +optional
	Postgres *PostgresStore `json:"postgres,omitempty"`
}

// VolumeRetention says what becomes of a volume when its PushApp is deleted.
//
// +k8s:enum
type VolumeRetention string

const (
	// VolumeRetain keeps the volume; a PushApp of the same name and appID adopts it again.
	VolumeRetain VolumeRetention = "Retain"
	// VolumeDelete deletes the volume together with the PushApp.
	VolumeDelete VolumeRetention = "Delete"
)

// SQLiteStore is a SQLite file on a volume.
//
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",message="`storageClassName` must not change: a PersistentVolumeClaim cannot move to another class"
type SQLiteStore struct {
	// size is the volume's size. At least 64Mi. A volume can grow where its storage class allows it, never shrink.
	// Plan about 1 KiB a device and 2 KiB a message that is kept.
	// Defaults to 1Gi.
	// +kubebuilder:default="1Gi"
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('64Mi')) >= 0",message="`size` must be at least 64Mi"
	// +optional
	Size resource.Quantity `json:"size,omitzero"`

	// storageClassName is the volume's StorageClass; an empty string asks for a volume made by hand. When unset, the cluster's
	// default class. It cannot change.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`

	// retention is Retain (the volume outlives the PushApp, and one of the same name and appID adopts it again) or Delete.
	// Defaults to Retain.
	// +kubebuilder:default=Retain
	// +optional
	Retention VolumeRetention `json:"retention,omitempty"`
}

// PoolMode says what lies between the dispatchers and the database.
//
// +k8s:enum
type PoolMode string

const (
	// PoolSession is a direct connection, or a pooler that keeps a server connection for each client.
	PoolSession PoolMode = "Session"
	// PoolTransaction is a pooler that lends a server connection for one transaction, such as PgBouncer in that mode.
	PoolTransaction PoolMode = "Transaction"
)

// Keys of the Secret that PostgresStore.secretRef names.
const (
	// PostgresURIKey holds a connection URI, which makes the parts below unnecessary.
	PostgresURIKey = "uri"
	// PostgresHostKey holds the server's name or address.
	PostgresHostKey = "host"
	// PostgresPortKey holds the server's port; 5432 without it.
	PostgresPortKey = "port"
	// PostgresDatabaseKey holds the database's name.
	PostgresDatabaseKey = "dbname"
	// PostgresUsernameKey holds the role's name.
	PostgresUsernameKey = "username"
	// PostgresUserKey is another name of PostgresUsernameKey.
	PostgresUserKey = "user"
	// PostgresPasswordKey holds the role's password.
	PostgresPasswordKey = "password"
	// PostgresSSLModeKey holds a mode of libpq, unless the URI has one.
	PostgresSSLModeKey = "sslmode"
	// PostgresCAKey holds the certificates that the server's is verified with, as PEM.
	PostgresCAKey = "ca.crt"
	// PostgresCertificateKey holds the certificate that the dispatchers show, as PEM.
	PostgresCertificateKey = "tls.crt"
	// PostgresPrivateKeyKey holds the key of that certificate, as PEM.
	PostgresPrivateKeyKey = "tls.key"
)

// PostgresStore is a schema in a PostgreSQL database.
//
// +kubebuilder:validation:XValidation:rule="has(self.schema) == has(oldSelf.schema) && (!has(self.schema) || self.schema == oldSelf.schema)",message="`schema` must not change: no data would move; make a second PushApp and move the bindings, docs/moving.md says how"
type PostgresStore struct {
	// secretRef names the Secret that says where the database is: `uri`, a connection URI such as
	// `postgresql://user:password@host:5432/dbname`, or its parts `host`, `port` (5432 without it), `dbname`, `username` (or
	// `user`) and `password`. Optional: `sslmode` (disable, allow, prefer, require, verify-ca or verify-full; without one
	// verify-full where there is a ca.crt, else require), `ca.crt` to verify the server with, `tls.crt` and `tls.key` for a
	// server that asks for a certificate. Changes restart no pod.
	// +required
	SecretRef SecretReference `json:"secretRef,omitzero"`

	// schema is the database's schema for the app's tables and nothing else; the dispatchers make it. Lower case letters,
	// digits and underscores, beginning with a letter, at most 63; not `public` and nothing that begins with `pg_`. It cannot
	// change. When unset, the appID in lower case with an underscore for every other character, after `app_` where that
	// would not be allowed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9_]*$`
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('pg_') && !(self in ['public', 'information_schema'])",message="`schema` must not be 'public' or 'information_schema' and not begin with 'pg_': others use these"
	// +optional
	Schema string `json:"schema,omitempty"`

	// poolMode is Session (a direct connection, or a pooler that keeps one for each client) or Transaction (a pooler such as
	// PgBouncer with `pool_mode = transaction`). Defaults to Session.
	// +kubebuilder:default=Session
	// +optional
	PoolMode PoolMode `json:"poolMode,omitempty"`
}
