package condition

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// Error is trouble that a status explains. An error of any other type is
// transient: the API server did not do what it was asked, and the controller
// tries again.
type Error struct {
	Reason   string
	Message  string
	Severity Severity
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Terminal is trouble that only people end; trying again does not help.
func Terminal(reason, format string, arguments ...any) error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, arguments...), Severity: Stuck}
}

// Waiting is trouble that may end by itself; a watch says when.
func Waiting(reason, format string, arguments ...any) error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, arguments...), Severity: Pending}
}

// Wrap puts words in front of trouble that a status explains; its reason and its severity stay.
func Wrap(err error, format string, arguments ...any) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return fmt.Errorf(format+"%w", append(arguments, err)...)
	}
	return &Error{Reason: e.Reason, Message: fmt.Sprintf(format, arguments...) + e.Message, Severity: e.Severity}
}

// FromError turns an error into the fact that a condition is False.
func FromError(name string, err error) Fact {
	if e, ok := errors.AsType[*Error](err); ok {
		return False(name, e.Reason, e.Message, e.Severity)
	}
	return False(name, pushv1.ReasonApplyFailed, "trying again: "+err.Error(), Pending)
}

// Transient keeps only errors that trying again may help; those that a status explains are dropped.
func Transient(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return nil
	}
	return err
}

// NamespaceEnds reports whether the API server refused to make an object because its namespace is being deleted. Whatever is
// wanted there ends with it, so that there is nothing to tell and nothing to try again.
func NamespaceEnds(err error) bool {
	return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}
