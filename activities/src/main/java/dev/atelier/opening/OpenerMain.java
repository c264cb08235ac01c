package dev.atelier.opening;

import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.network.TeacherException;
import dev.atelier.opening.OpenerProcess.Answer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** The program that opens one file of a user's and says what came of it. */
public final class OpenerMain {

  private OpenerMain() {}

  /** The argument is the directory that holds the request and gets the answer. */
  public static void main(String[] args) throws IOException, InterruptedException {
    Path own = Path.of(args[0]);
    Opening opening =
        OpenerProcess.JSON.readValue(own.resolve(OpenerProcess.REQUEST).toFile(), Opening.class);
    AtomicReference<Answer> answer = new AtomicReference<>();
    // With the stack that a worker's threads have: what fits here fits there.
    Thread thread = new Thread(() -> answer.set(answer(opening, own)), "open");
    thread.start();
    thread.join();
    OpenerProcess.JSON.writeValue(own.resolve(OpenerProcess.ANSWER).toFile(), answer.get());
    System.exit(0); // libtorch's threads would keep the process
  }

  private static Answer answer(Opening opening, Path own) {
    try {
      opening.open(own);
      return new Answer(Optional.empty(), Optional.empty());
    } catch (ExtractorException | EvaluationException | TeacherException e) {
      return new Answer(Optional.of(e.getMessage()), Optional.empty());
    } catch (StackOverflowError e) {
      return new Answer(
          Optional.of(opening.failure("it is nested too deep to be read").getMessage()),
          Optional.empty());
    } catch (IOException | RuntimeException e) {
      return new Answer(Optional.empty(), Optional.of(e.toString()));
    }
  }
}
