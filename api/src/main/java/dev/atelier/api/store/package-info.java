/** The clients of the database and the object store, links to objects, and how rows are read. */
package dev.atelier.api.store;
