/** What users bring: their sources, fetched, opened apart, and kept. */
package dev.atelier.intake;
