/** The clients of the database and the object store, and what is said when the latter is away. */
package dev.atelier.api.store;
