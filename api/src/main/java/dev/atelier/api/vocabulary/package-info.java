/** The words for subjects, series, events and files, over REST. */
package dev.atelier.api.vocabulary;
