#include "proxy/interpreter.h"

#include "proxy/packed_events.h"
#include "schema/embed_translation.h"
#include "schema/openai_stream.h"
#include "wire/json.h"

namespace rocket {
namespace {

constexpr std::string_view sse_comment = ": keep-alive\n\n";

Usage usage_of(const TokenUsage& usage) {
  return {usage.input, usage.output, usage.cache_read};
}

// The words of an error that came with a good status.
std::unexpected<Error> error_in_disguise(std::string words) {
  return fail(ErrorCode::upstream_status, std::move(words));
}

// A JSON object that ends with `_backend`, as pieces.
class Marked {
 public:
  std::vector<std::string_view> pieces(std::string_view body, const OpenAiAnswer& answer,
                                       std::string_view backend) {
    if (backend.empty()) return {body};
    mark_ = answer.empty ? "\"_backend\":" : ",\"_backend\":";
    json_append_quoted(mark_, backend);
    return {body.substr(0, answer.object_end), mark_, body.substr(answer.object_end)};
  }

 private:
  std::string mark_;
};

class OpenAiInterpreter final : public Interpreter {
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
        const auto forward = stream_.take(event);
        if (!forward) {
          result = std::unexpected(forward.error());
        } else if (*forward) {
          events_.keep(event.raw);
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
  std::string_view sign_of_life() override { return sse_comment; }

  Result<void> hear_whole(std::string_view body) override {
    auto answer = read_openai_answer(body);
    if (!answer) return std::unexpected(std::move(answer.error()));
    if (answer->error) return error_in_disguise(*std::move(answer->error));
    body_ = body;
    answer_ = std::move(*answer);
    return {};
  }
  std::vector<std::string_view> whole(std::string_view backend) override {
    return marked_.pieces(body_, answer_, markable_ ? backend : std::string_view());
  }
  std::optional<Usage> whole_usage() const override { return answer_.usage; }

 private:
  OpenAiStream stream_;
  SseSplitter splitter_;
  PackedEvents events_;
  bool markable_;
  std::string_view body_;
  OpenAiAnswer answer_;
  Marked marked_;
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
    return write_error_event(dialect_, error);
  }
  std::string_view sign_of_life() override {
    if (dialect_ == Dialect::anthropic) return "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    return is_ollama(dialect_) ? std::string_view() : sse_comment;
  }

  Result<void> hear_whole(std::string_view body) override {
    TranslationLoss ignored;
    const auto answer = read_answer(dialect_, body, ignored);
    if (!answer) return std::unexpected(answer.error());
    body_ = body;
    usage_ = answer->usage;
    return {};
  }
  std::vector<std::string_view> whole(std::string_view) override { return {body_}; }
  std::optional<Usage> whole_usage() const override { return usage_of(usage_); }

 private:
  Result<void> feed(std::string_view bytes) {
    Result<void> result;
    const auto take = [&](std::string_view data, std::string_view raw, std::string_view end) {
      if (!result || done()) return;
      moved_ = true;
      result = reader_->read(data, watch_);
      if (result) out_.append(raw).append(end);
    };
    const auto fed =
        is_ollama(dialect_)
            ? ndjson_.feed(bytes, [&](std::string_view line) { take(line, line, "\n"); })
            : sse_.feed(bytes, [&](const SseEvent& event) { take(event.data, event.raw, {}); });
    return result ? fed : result;
  }

  Dialect dialect_;
  std::unique_ptr<StreamReader> reader_;
  StreamWatch watch_;
  SseSplitter sse_;
  NdjsonSplitter ndjson_;
  std::string out_;
  std::string_view body_;
  TokenUsage usage_;
};

class TranslatingInterpreter final : public Interpreter {
 public:
  TranslatingInterpreter(Dialect upstream, Dialect client, const AnswerFrame& frame,
                         bool usage_asked, size_t event_bytes_max)
      : upstream_(upstream),
        client_(client),
        translator_(upstream, make_stream_writer(client, frame, usage_asked), event_bytes_max),
        frame_(frame) {}

  Result<void> hear(const Read& read) override {
    out_.clear();
    const auto before = translator_.events();
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
    return result;
  }
  std::array<std::string_view, 2> out() const override { return {out_, {}}; }
  bool content_seen() const override { return translator_.seen().content_seen(); }
  bool done() const override { return translator_.done(); }
  Usage usage() const override { return usage_of(translator_.seen().usage()); }
  std::string last_words(const ToldError& error) override {
    return std::string(translator_.write_error(error_type(client_, error), error.message));
  }
  std::string_view sign_of_life() override { return translator_.write_ping(); }

  Result<void> hear_whole(std::string_view body) override {
    auto answer = read_answer(upstream_, body, loss_);
    if (!answer) return std::unexpected(std::move(answer.error()));
    usage_ = answer->usage;
    text_ = write_answer(client_, *answer, frame_, loss_).joined();
    return {};
  }
  std::vector<std::string_view> whole(std::string_view backend) override {
    const bool markable = client_ == Dialect::chat && text_.ends_with('}');
    const OpenAiAnswer answer{
        .usage = {}, .object_end = text_.size() - 1, .empty = false, .error = {}};
    return marked_.pieces(text_, answer, markable ? backend : std::string_view());
  }
  std::optional<Usage> whole_usage() const override { return usage_of(usage_); }
  const TranslationLoss& loss() const override { return loss_; }

 private:
  Dialect upstream_;
  Dialect client_;
  StreamTranslator translator_;
  AnswerFrame frame_;
  TranslationLoss loss_;
  std::string out_;
  std::string text_;
  TokenUsage usage_;
  Marked marked_;
};

// Embeddings come whole.
class EmbedInterpreter final : public Interpreter {
 public:
  explicit EmbedInterpreter(const AnswerFrame& frame) : frame_(frame) {}

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
    auto written = write_embed_answer(body, frame_);
    if (!written) return std::unexpected(std::move(written.error()));
    text_ = std::move(*written);
    usage_ = answer->usage;
    return {};
  }
  std::vector<std::string_view> whole(std::string_view) override { return text_.pieces(); }
  std::optional<Usage> whole_usage() const override { return usage_; }

 private:
  AnswerFrame frame_;
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

std::unique_ptr<Interpreter> make_passing_interpreter(Dialect dialect, size_t event_bytes_max) {
  return std::make_unique<PassingInterpreter>(dialect, event_bytes_max);
}

std::unique_ptr<Interpreter> make_translator(Dialect upstream, Dialect client,
                                             const AnswerFrame& frame, bool usage_asked,
                                             size_t event_bytes_max) {
  return std::make_unique<TranslatingInterpreter>(upstream, client, frame, usage_asked,
                                                  event_bytes_max);
}

std::unique_ptr<Interpreter> make_embed_interpreter(const AnswerFrame& frame) {
  return std::make_unique<EmbedInterpreter>(frame);
}

}  // namespace rocket
