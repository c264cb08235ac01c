/**
 * The clients of the database and the object store, how rows are read, and what is said when the
 * object store is away.
 */
package dev.atelier.api.store;
