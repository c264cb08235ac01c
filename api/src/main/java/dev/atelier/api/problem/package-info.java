/** Every failure as one form of answer, with a type, a sentence and its faults. */
package dev.atelier.api.problem;
