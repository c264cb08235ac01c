/** The language of searches in the history: fields, order, pages. */
package dev.atelier.api.history;
