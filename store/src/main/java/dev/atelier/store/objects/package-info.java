/** The object store, as the api and the workers reach it, and where its keys come from. */
package dev.atelier.store.objects;
