#include "proxy/interpreter.h"

#include <algorithm>

#include "proxy/packed_events.h"
#include "proxy/stream_reply.h"
#include "schema/embed_translation.h"
#include "schema/embedding_vectors.h"
#include "schema/openai_stream.h"
#include "wire/json.h"
#include "wire/json_halves.h"

namespace rocket {
namespace {

Usage usage_of(const TokenUsage& usage) {
  return {usage.input, usage.output, usage.cache_read};
}

// Of a whole answer, if it was counted.
std::optional<Usage> told_usage(const TokenUsage& usage) {
  if (usage.input == 0 && usage.output == 0) return std::nullopt;
  return usage_of(usage);
}

// The words of an error that came with a good status.
std::unexpected<Error> error_in_disguise(std::string words) {
  return fail(ErrorCode::upstream_status, std::move(words));
}

std::unexpected<Error> no_room() {
  return fail(ErrorCode::overloaded, "no room for the translated answer");
}

// A JSON object that ends with `_backend`, as pieces.
class Marked {
 public:
  std::vector<std::string_view> pieces(std::string_view body, const OpenAiAnswer& answer,
                                       std::string_view backend) {
    if (backend.empty()) return {body};
    if (!answer.marked.empty()) {
      const auto at = static_cast<size_t>(answer.marked.data() - body.data());
      mark_.clear();
      json_append_quoted(mark_, backend);
      return {body.substr(0, at), mark_, body.substr(at + answer.marked.size())};
    }
    mark_ = answer.empty ? "\"_backend\":" : ",\"_backend\":";
    json_append_quoted(mark_, backend);
    return {body.substr(0, answer.object_end), mark_, body.substr(answer.object_end)};
  }

 private:
  std::string mark_;
};

class OpenAiInterpreter : public Interpreter {
 public:
  OpenAiInterpreter(Operation operation, bool usage_asked, size_t event_bytes_max)
      : stream_(operation, usage_asked),
        splitter_(event_bytes_max),
        markable_(dialect_of(operation) == Dialect::chat) {}

  Result<void> hear(const Read& read) override {
    events_.begin(read.buffer);
    moved_ = false;
    Result<void> result;
    for (const std::string_view source : read.body) {
      const auto fed = splitter_.feed(source, [&](const SseEvent& event) {
        if (!result) return;
        moved_ = true;
        const auto shown = stream_.take(event);
        if (!shown) {
          result = std::unexpected(shown.error());
        } else if (*shown == Shown::all) {
          events_.keep(event.raw);
        } else if (*shown == Shown::all_but_usage) {
          keep_without_usage(event);
        }
      });
      if (stream_.done()) break;
      if (!fed) return fed;
      if (!result) break;
    }
    return result;
  }
  std::array<std::string_view, 2> out() const override { return events_.pieces(); }
  bool content_seen() const override { return stream_.content_seen(); }
  bool done() const override { return stream_.done(); }
  Usage usage() const override { return stream_.usage(); }
  std::string last_words(const ToldError& error) override {
    return write_error_event(Dialect::chat, error);
  }
  std::string_view sign_of_life() override { return rocket::sign_of_life(Dialect::chat); }

  Result<void> hear_whole(std::string_view body) override {
    auto answer = read_openai_answer(body);
    if (!answer) return std::unexpected(std::move(answer.error()));
    if (answer->error) return error_in_disguise(*std::move(answer->error));
    // The other dialects' own answers pass here as well.
    if (markable_ && !answer->has_list) {
      return fail(ErrorCode::upstream_garbage, "the answer holds neither choices nor data");
    }
    body_ = body;
    answer_ = std::move(*answer);
    return {};
  }
  std::vector<std::string_view> whole(std::string_view backend) override {
    return marked_.pieces(body_, answer_, markable_ ? backend : std::string_view());
  }
  std::optional<Usage> whole_usage() const override { return answer_.usage; }

 private:
  void keep_without_usage(const SseEvent& event) {
    const size_t at = event.raw.find(event.data);
    // In several lines of data: nobody writes it so.
    if (at == event.raw.npos) return events_.keep(event.raw);
    std::string kept(event.raw.substr(0, at));
    kept += without_usage(event.data);
    kept += event.raw.substr(at + event.data.size());
    events_.keep(kept);
  }

  OpenAiStream stream_;
  SseSplitter splitter_;
  PackedEvents events_;
  bool markable_;
  std::string_view body_;
  OpenAiAnswer answer_;
  Marked marked_;
};

class Base64Interpreter final : public OpenAiInterpreter {
 public:
  explicit Base64Interpreter(ByteBudget& bodies)
      : OpenAiInterpreter(Operation::embeddings, false, 0), bodies_(bodies) {}

  Result<void> hear_whole(std::string_view body) override {
    auto heard = OpenAiInterpreter::hear_whole(body);
    if (!heard) return heard;
    auto changed = vectors_in_base64(body);
    if (!changed) return heard;
    text_ = std::move(*changed);
    if (!hold_.extend(bodies_, text_.size())) return no_room();
    return OpenAiInterpreter::hear_whole(text_);
  }

 private:
  ByteBudget& bodies_;
  ByteBudget::Hold hold_;
  std::string text_;
};

class PassingInterpreter final : public Interpreter {
 public:
  PassingInterpreter(Dialect dialect, size_t event_bytes_max)
      : dialect_(dialect),
        reader_(make_stream_reader(dialect)),
        watch_(nullptr),
        sse_(event_bytes_max),
        ndjson_(event_bytes_max) {}

  Result<void> hear(const Read& read) override {
    out_.clear();
    moved_ = false;
    for (const std::string_view bytes : read.body) {
      const auto fed = feed(bytes);
      if (done()) return {};
      if (!fed) return fed;
    }
    return {};
  }
  std::array<std::string_view, 2> out() const override { return {out_, {}}; }
  bool content_seen() const override { return watch_.content_seen(); }
  bool done() const override { return reader_->done(); }
  Usage usage() const override { return usage_of(watch_.usage()); }
  std::string last_words(const ToldError& error) override {
    return write_error_event(dialect_, error, passed_);
  }
  std::string_view sign_of_life() override { return rocket::sign_of_life(dialect_); }

  Result<void> hear_whole(std::string_view body) override {
    TranslationLoss ignored;
    const auto answer = read_answer(dialect_, body, ignored);
    if (!answer) return std::unexpected(answer.error());
    body_ = body;
    usage_ = told_usage(answer->usage);
    return {};
  }
  std::vector<std::string_view> whole(std::string_view) override { return {body_}; }
  std::optional<Usage> whole_usage() const override { return usage_; }

 private:
  Result<void> feed(std::string_view bytes) {
    Result<void> result;
    const auto take = [&](std::string_view data, std::string_view raw, std::string_view end) {
      if (!result || done()) return;
      moved_ = true;
      result = read(data);
      if (!result) return;
      out_.append(raw).append(end);
      if (!data.empty()) ++passed_;
    };
    const auto fed =
        is_ollama(dialect_)
            ? ndjson_.feed(bytes, [&](std::string_view line) { take(line, line, "\n"); })
            : sse_.feed(bytes, [&](const SseEvent& event) { take(event.data, event.raw, {}); });
    return result ? fed : result;
  }

  // What has half of a character is no JSON, and passes all the same.
  Result<void> read(std::string_view data) {
    auto result = reader_->read(data, watch_);
    if (result) return result;
    const auto whole = without_lone_halves(data);
    return whole ? reader_->read(*whole, watch_) : result;
  }

  Dialect dialect_;
  std::unique_ptr<StreamReader> reader_;
  StreamWatch watch_;
  SseSplitter sse_;
  NdjsonSplitter ndjson_;
  std::string out_;
  std::uint64_t passed_ = 0;  // events, which Responses number
  std::string_view body_;
  std::optional<Usage> usage_;
};

class TranslatingInterpreter final : public Interpreter {
 public:
  explicit TranslatingInterpreter(const TranslationPlan& plan)
      : plan_(plan),
        translator_(plan.upstream, make_stream_writer(plan.client, plan.frame, plan.usage_asked),
                    plan.event_bytes_max) {}

  Result<void> hear(const Read& read) override {
    out_.clear();
    const auto before = translator_.events();
    translator_.note_time(plan_.elapsed());
    Result<void> result;
    for (const std::string_view bytes : read.body) {
      result = translator_.feed(bytes);
      out_ += translator_.out();
      if (translator_.done()) {
        result = {};
        break;
      }
      if (!result) break;
    }
    moved_ = translator_.events() != before;
    // Once it has ended, it has gone out.
    const bool goes_on = result && !translator_.done();
    if (goes_on && !pay_for(translator_.kept_bytes())) return no_room();
    return result;
  }
  std::array<std::string_view, 2> out() const override { return {out_, {}}; }
  bool content_seen() const override { return translator_.seen().content_seen(); }
  bool done() const override { return translator_.done(); }
  Usage usage() const override { return usage_of(translator_.seen().usage()); }
  // Its writer has numbered the events of Responses, and says the response again; elsewhere an
  // error is the same wherever it stands.
  std::string last_words(const ToldError& error) override {
    if (plan_.client != Dialect::responses) return write_error_event(plan_.client, error);
    return std::string(translator_.write_error(error_type(plan_.client, error), error.message));
  }
  std::string_view sign_of_life() override { return translator_.write_ping(); }

  Result<void> hear_whole(std::string_view body) override {
    auto answer = read_answer(plan_.upstream, body, loss_);
    if (!answer && parse_json(body) && is_error_body(plan_.upstream, body)) {
      return error_in_disguise(read_upstream_error(body));
    }
    if (!answer) return std::unexpected(std::move(answer.error()));
    usage_ = told_usage(answer->usage);
    AnswerFrame frame = plan_.frame;
    frame.elapsed = plan_.elapsed();
    text_ = write_answer(plan_.client, *answer, frame, loss_).joined();
    if (!hold_.extend(plan_.bodies, text_.size())) return no_room();
    return {};
  }
  std::vector<std::string_view> whole(std::string_view backend) override {
    const bool markable = plan_.client == Dialect::chat && text_.ends_with('}');
    const OpenAiAnswer answer{.usage = {},
                              .object_end = text_.size() - 1,
                              .empty = false,
                              .has_list = true,
                              .error = {},
                              .marked = {}};
    return marked_.pieces(text_, answer, markable ? backend : std::string_view());
  }
  std::string_view answer() const override {
    return text_.empty() ? translator_.whole() : std::string_view(text_);
  }
  std::optional<Usage> whole_usage() const override { return usage_; }
  const TranslationLoss& loss() const override { return loss_; }

 private:
  // A short answer costs nothing; a longer one is paid for in steps.
  bool pay_for(size_t kept) {
    if (kept <= paid_) return true;
    const size_t more = std::max(kept - paid_, pay_step);
    paid_ += more;
    return hold_.extend(plan_.bodies, more);
  }

  static constexpr size_t pay_step = size_t{64} << 10U;

  TranslationPlan plan_;
  StreamTranslator translator_;
  TranslationLoss loss_;
  ByteBudget::Hold hold_;
  size_t paid_ = pay_step;
  std::string out_;
  std::string text_;
  std::optional<Usage> usage_;
  Marked marked_;
};

// Embeddings come whole.
class EmbedInterpreter final : public Interpreter {
 public:
  explicit EmbedInterpreter(const TranslationPlan& plan) : plan_(plan) {}

  Result<void> hear(const Read&) override { return fail(ErrorCode::internal); }
  std::array<std::string_view, 2> out() const override { return {}; }
  bool content_seen() const override { return false; }
  bool done() const override { return false; }
  Usage usage() const override { return {}; }
  std::string last_words(const ToldError& error) override {
    return write_error_event(Dialect::ollama, error);
  }
  std::string_view sign_of_life() override { return {}; }

  Result<void> hear_whole(std::string_view body) override {
    auto answer = read_openai_answer(body);
    if (!answer) return std::unexpected(std::move(answer.error()));
    if (answer->error) return error_in_disguise(*std::move(answer->error));
    AnswerFrame frame = plan_.frame;
    frame.elapsed = plan_.elapsed();
    auto written = write_embed_answer(body, frame);
    if (!written) return std::unexpected(std::move(written.error()));
    text_ = std::move(*written);
    usage_ = answer->usage;
    if (!hold_.extend(plan_.bodies, text_.memory())) return no_room();
    return {};
  }
  std::vector<std::string_view> whole(std::string_view) override { return text_.pieces(); }
  std::optional<Usage> whole_usage() const override { return usage_; }

 private:
  TranslationPlan plan_;
  ByteBudget::Hold hold_;
  JsonPieces text_;
  std::optional<Usage> usage_;
};

}  // namespace

const TranslationLoss& Interpreter::loss() const {
  static const TranslationLoss none;
  return none;
}

std::unique_ptr<Interpreter> make_openai_interpreter(Operation operation, bool usage_asked,
                                                     size_t event_bytes_max) {
  return std::make_unique<OpenAiInterpreter>(operation, usage_asked, event_bytes_max);
}

std::unique_ptr<Interpreter> make_base64_interpreter(ByteBudget& bodies) {
  return std::make_unique<Base64Interpreter>(bodies);
}

std::unique_ptr<Interpreter> make_passing_interpreter(Dialect dialect, size_t event_bytes_max) {
  return std::make_unique<PassingInterpreter>(dialect, event_bytes_max);
}

std::unique_ptr<Interpreter> make_translator(const TranslationPlan& plan) {
  return std::make_unique<TranslatingInterpreter>(plan);
}

std::unique_ptr<Interpreter> make_embed_interpreter(const TranslationPlan& plan) {
  return std::make_unique<EmbedInterpreter>(plan);
}

}  // namespace rocket
