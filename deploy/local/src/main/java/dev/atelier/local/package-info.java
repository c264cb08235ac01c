/**
 * The local stack: Postgres, the object store, Temporal, the API and workers as processes that are
 * watched.
 */
package dev.atelier.local;
